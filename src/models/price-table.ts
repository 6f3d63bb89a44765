import {
  calcPrice,
  findProvider,
  type ConditionalPrice,
  type ModelInfo,
  type ModelPrice,
} from '@pydantic/genai-prices';
import { parseDecimal } from '../common/money/decimal.js';

/** What the table says of one model at one time; pico-USD per token, all above 0 but the cached price. */
export interface ListPrice {
  /** `provider/model`, as the table names them. */
  readonly entry: string;
  readonly promptPicoUsdPerToken: bigint;
  readonly completionPicoUsdPerToken: bigint;
  readonly cachedPromptPicoUsdPerToken: bigint | undefined;
  /** Where sound costs otherwise than text. */
  readonly audioPromptPicoUsdPerToken?: bigint | undefined;
  /** Tokens; 0: unknown. */
  readonly contextLength: number;
  /** When the next price of this model comes into force, milliseconds since the epoch; `Infinity`: none announced. */
  readonly validUntilMs: number;
}

/** Prices that two numbers per token cannot say: whoever sells by these must write a price. */
const INEXPRESSIBLE = ['requests_kcount', 'output_audio_mtok', 'output_image_mtok', 'output_video_mtok'];

/**
 * The vendor's published price of a model, from the table bundled with `@pydantic/genai-prices`; no network.
 *
 * Never below what the vendor takes for text: of prices by prompt length the dearest tier counts, of prices by time of
 * day the dearest hour, and reasoning counts at the dearer of its own and the output price. A model that is free, has
 * no output price, or is (also) sold by the request or by dearer kinds of output has no price here.
 *
 * @param provider as the table names it (`openai`, `x-ai`)
 * @param model the vendor's own id
 * @see https://github.com/pydantic/genai-prices, read 2026-11
 */
export function findListPrice(provider: string, model: string, nowMs: number): ListPrice | undefined {
  const known = calcPrice({}, model, { providerId: provider });
  return known === null ? undefined : toListPrice(known.provider.id, known.model, nowMs);
}

/** Which provider's prices hold at an address, by its host. */
export function findPriceProvider(baseUrl: string): string | undefined {
  return findProvider({ providerApiUrl: baseUrl })?.id;
}

/** Whether the table has a provider of exactly this name. */
export function isPriceProvider(name: string): boolean {
  return name !== '' && findProvider({ providerId: name })?.id === name;
}

/** Every model of a provider that `findListPrice` has a price for, by the table's id. */
export function listPricedModels(provider: string, nowMs: number): { id: string; price: ListPrice }[] {
  const known = findProvider({ providerId: provider });
  return (known?.models ?? []).flatMap((model) => {
    const price = toListPrice(provider, model, nowMs);
    return price === undefined || model.deprecated === true ? [] : { id: model.id, price };
  });
}

function toListPrice(provider: string, model: ModelInfo, nowMs: number): ListPrice | undefined {
  const { prices, validUntilMs } = pricesInForce(model.prices, nowMs);
  if (prices.some((price) => INEXPRESSIBLE.some((key) => price[key] !== undefined))) return undefined;
  const prompt = dearest(prices, 'input_mtok');
  const output = dearest(prices, 'output_mtok');
  const reasoning = dearest(prices, 'output_reasoning_mtok');
  const sound = dearest(prices, 'input_audio_mtok');
  if (!prompt || !output) return undefined;
  return {
    entry: `${provider}/${model.id}`,
    promptPicoUsdPerToken: prompt,
    completionPicoUsdPerToken: reasoning === undefined || reasoning < output ? output : reasoning,
    cachedPromptPicoUsdPerToken: dearest(prices, 'cache_read_mtok') || undefined,
    ...(sound !== undefined && { audioPromptPicoUsdPerToken: sound }),
    contextLength: model.context_window ?? 0,
    validUntilMs,
  };
}

/** The newest price that has begun, with those of every time of day. */
function pricesInForce(
  prices: ConditionalPrice[] | ModelPrice,
  nowMs: number,
): { prices: ModelPrice[]; validUntilMs: number } {
  if (!Array.isArray(prices)) return { prices: [prices], validUntilMs: Infinity };
  const hourly = prices.filter(({ constraint }) => constraint?.type === 'time_of_date');
  const dated = prices
    .filter(({ constraint }) => constraint?.type !== 'time_of_date')
    .map((price) => ({ ...price, beginsMs: beginningOf(price) }))
    .toSorted((a, b) => a.beginsMs - b.beginsMs);
  const current = dated.findLast(({ beginsMs }) => beginsMs <= nowMs);
  const next = dated.find(({ beginsMs }) => beginsMs > nowMs);
  return {
    prices: [...(current === undefined ? [] : [current]), ...hourly].map((entry) => entry.prices),
    validUntilMs: next?.beginsMs ?? Infinity,
  };
}

function beginningOf({ constraint }: ConditionalPrice): number {
  return constraint?.type === 'start_date' ? Date.parse(constraint.start_date) : -Infinity;
}

/** The highest amount that any price, tier by tier, has under `key`. */
function dearest(prices: readonly ModelPrice[], key: string): bigint | undefined {
  let most: bigint | undefined;
  for (const price of prices) {
    const amount = price[key];
    if (amount === undefined) continue;
    const tiers =
      typeof amount === 'number' ? [amount] : [amount.base, ...amount.tiers.map((tier) => tier.price)];
    for (const usdPerMillion of tiers) {
      const picoUsd = picoUsdPerToken(usdPerMillion);
      if (most === undefined || picoUsd > most) most = picoUsd;
    }
  }
  return most;
}

/**
 * The table's floats, USD per million tokens, have their sixth decimal at one pico-USD per token. The six decimals
 * beyond it tell a finer price, which is rounded up, from the remainder of a float, which is not.
 */
function picoUsdPerToken(usdPerMillion: number): bigint {
  return (parseDecimal(usdPerMillion.toFixed(12), 12) + 999_999n) / 1_000_000n;
}

import { createHash } from 'node:crypto';
import type { Price } from '../common/money/price.js';
import { parsePicoUsd } from '../common/money/usd.js';
import type { ModelConfig, PricingConfig, TokenPricing, UpstreamConfig } from '../config/app-config.js';
import { findListPrice, findPriceProvider, isPriceProvider, type ListPrice } from './price-table.js';

/** A price with where it comes from. */
export interface SourcedPrice {
  readonly price: Price;
  /** See `Model.otherPrices`. */
  readonly otherPrices: readonly Price[];
  /** `written`, or the entries of the price table (`genai-prices openai/gpt-4o-mini`). */
  readonly source: string;
  /** Milliseconds since the epoch; `Infinity`: until the operator says otherwise. */
  readonly validUntilMs: number;
}

/** A price that the operator wrote, in the file or the environment; it always wins. */
export function writtenPrice(modelId: string, pricing: PricingConfig): SourcedPrice {
  const webSearch = parsed(pricing.webSearch);
  const tiers = [[undefined, pricing] as const, ...Object.entries(pricing.tiers ?? {})];
  const [price, ...otherPrices] = tiers.flatMap(([serviceTier, tokens]) => {
    const amounts = { ...amountsOf(tokens), serviceTier };
    const searching = webSearch === undefined ? [] : [{ ...amounts, webSearch }];
    return [amounts, ...searching].map((each) => versioned(modelId, each, 'written').price);
  });
  if (price === undefined) throw new Error('a written price has amounts');
  return { price, otherPrices, source: 'written', validUntilMs: Infinity };
}

function amountsOf(pricing: TokenPricing): Amounts {
  return {
    prompt: parsePicoUsd(pricing.prompt),
    completion: parsePicoUsd(pricing.completion),
    cachedPrompt: parsed(pricing.cachedPrompt),
    audioPrompt: parsed(pricing.audioPrompt),
    audioCompletion: parsed(pricing.audioCompletion),
  };
}

function parsed(usd: string | undefined): bigint | undefined {
  return usd === undefined ? undefined : parsePicoUsd(usd);
}

/**
 * The list price of a model without a written one: for each number, the dearest of its routes, so that no choice of
 * route sells below cost. Unknown as soon as one route's is.
 */
export function listPrice(
  model: Pick<ModelConfig, 'id' | 'ownedBy' | 'routes'>,
  upstreams: ReadonlyMap<string, UpstreamConfig>,
  nowMs: number,
): SourcedPrice | undefined {
  const prices: ListPrice[] = [];
  for (const route of model.routes) {
    const upstream = upstreams.get(route.upstream);
    const provider = upstream && priceProviderOf(upstream);
    const price =
      provider === undefined ? listPriceByName(model, nowMs) : findListPrice(provider, route.model, nowMs);
    if (price === undefined) return undefined;
    prices.push(price);
  }
  const [first, ...others] = prices;
  if (first === undefined) return undefined;
  const dearest = others.reduce<ListPrice>(dearerOf, first);
  const amounts = {
    prompt: dearest.promptPicoUsdPerToken,
    completion: dearest.completionPicoUsdPerToken,
    cachedPrompt: dearest.cachedPromptPicoUsdPerToken,
    audioPrompt: dearest.audioPromptPicoUsdPerToken,
  };
  const entries = [...new Set(prices.map(({ entry }) => entry))].join(' ');
  return {
    ...versioned(model.id, amounts, `genai-prices ${entries}`),
    otherPrices: [],
    validUntilMs: dearest.validUntilMs,
  };
}

/** Whose list prices hold at an upstream; `undefined`: nobody's, as far as we can tell. */
export function priceProviderOf(upstream: UpstreamConfig): string | undefined {
  if (upstream.priceProvider !== undefined) return upstream.priceProvider;
  if (upstream.baseUrl !== undefined) return findPriceProvider(upstream.baseUrl);
  return upstream.protocol === 'anthropic' || upstream.protocol === 'google' ? upstream.protocol : undefined;
}

/** By what the operator calls it: `google/gemini-2.5-flash`, or `owned_by: google`. */
function listPriceByName(model: Pick<ModelConfig, 'id' | 'ownedBy'>, nowMs: number): ListPrice | undefined {
  const [prefix = '', ...rest] = model.id.split('/');
  if (rest.length > 0 && isPriceProvider(prefix)) return findListPrice(prefix, rest.join('/'), nowMs);
  return isPriceProvider(model.ownedBy) ? findListPrice(model.ownedBy, model.id, nowMs) : undefined;
}

function dearerOf(a: ListPrice, b: ListPrice): ListPrice {
  const cached = [a, b].map((price) => price.cachedPromptPicoUsdPerToken ?? price.promptPicoUsdPerToken);
  return {
    ...a,
    promptPicoUsdPerToken: max(a.promptPicoUsdPerToken, b.promptPicoUsdPerToken),
    completionPicoUsdPerToken: max(a.completionPicoUsdPerToken, b.completionPicoUsdPerToken),
    cachedPromptPicoUsdPerToken: cached.reduce(max),
    audioPromptPicoUsdPerToken:
      a.audioPromptPicoUsdPerToken === undefined && b.audioPromptPicoUsdPerToken === undefined
        ? undefined
        : [a, b].map((price) => price.audioPromptPicoUsdPerToken ?? price.promptPicoUsdPerToken).reduce(max),
    validUntilMs: Math.min(a.validUntilMs, b.validUntilMs),
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

interface Amounts {
  readonly prompt: bigint;
  readonly completion: bigint;
  readonly cachedPrompt: bigint | undefined;
  readonly audioPrompt?: bigint | undefined;
  readonly audioCompletion?: bigint | undefined;
  readonly webSearch?: bigint | undefined;
  readonly serviceTier?: string | undefined;
}

/** The version follows from the content, so the same price has the same name in every process and after a restart. */
function versioned(modelId: string, amounts: Amounts, source: string): { price: Price; source: string } {
  const { prompt, completion, cachedPrompt, audioPrompt, audioCompletion, webSearch, serviceTier } = amounts;
  const price: Omit<Price, 'version'> = {
    promptPicoUsdPerToken: prompt,
    completionPicoUsdPerToken: completion,
    ...(cachedPrompt !== undefined && { cachedPromptPicoUsdPerToken: cachedPrompt }),
    ...(audioPrompt !== undefined && { audioPromptPicoUsdPerToken: audioPrompt }),
    ...(audioCompletion !== undefined && { audioCompletionPicoUsdPerToken: audioCompletion }),
    ...(webSearch !== undefined && { webSearchPicoUsd: webSearch }),
    ...(serviceTier !== undefined && { serviceTier }),
  };
  const content = [modelId, prompt, completion, cachedPrompt ?? '', source].map(String);
  const more = [audioPrompt, audioCompletion, webSearch, serviceTier];
  // A price without them keeps the name that it had before there were any.
  if (more.some((each) => each !== undefined)) content.push(...more.map((each) => String(each ?? '')));
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  return { price: { version: `p_${digest.slice(0, 12)}`, ...price }, source };
}

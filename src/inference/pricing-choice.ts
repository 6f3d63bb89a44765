import type { Price } from '../common/money/price.js';
import type { Issue } from '../contracts/validation/issue.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import type { Model } from '../models/model.js';
import type { PriceFacts } from './endpoint.js';

/** What a request may cost, and by what its answer is charged. */
export interface PriceChoice {
  /** Of the tier that was asked for. */
  readonly asked: Price;
  /** Of the standard tier, in which an upstream may answer as well. */
  readonly standard: Price;
  /** Of each kind of token the dearest: what credit is set aside by. */
  readonly dearest: Price;
}

/** Names of the standard tier in requests and answers. An upstream's project may make any tier of "auto". */
const STANDARD_TIERS: readonly (string | undefined)[] = [undefined, 'auto', 'default', 'standard'];

/**
 * @returns `undefined` where nobody knows the model's price
 * @throws ValidationFailedError for what the model has no price for: it is refused before any upstream hears of it
 */
export function choosePrice(model: Model, facts: PriceFacts, request: object): PriceChoice | undefined {
  if (model.price === undefined) return undefined;
  const { serviceTier, searchesWeb } = facts;
  if (isPlain(facts, model.price)) return { asked: model.price, standard: model.price, dearest: model.price };
  const standard = priceOf(model, undefined, searchesWeb);
  if (standard === undefined) {
    throw refused('web_search_options', undefined, NO_WEB_SEARCH, request);
  }
  const isStandard = STANDARD_TIERS.includes(serviceTier);
  const asked = isStandard ? standard : priceOf(model, serviceTier, searchesWeb);
  if (asked === undefined) {
    throw refused('service_tier', serviceTier, noTier(serviceTier, model), request);
  }
  // Nobody's report says how often it searched.
  if ((asked.webSearchPicoUsd ?? 0n) > 0n && facts.choices > 1) {
    throw refused('web_search_options', undefined, ONE_CHOICE, request);
  }
  return { asked, standard, dearest: dearestOf(asked, standard, facts) };
}

/**
 * The price that an answer is charged by: of the tier that it names, else of the one that was asked for. A tier that was
 * neither asked for nor is the standard one is charged as the one that was: no upstream makes a request dearer than that.
 */
export function priceOfAnswer({ asked, standard }: PriceChoice, tier: string | undefined): Price {
  return tier !== undefined && STANDARD_TIERS.includes(tier) ? standard : asked;
}

/** The `service_tier` to send: where the upstream has tiers, or would choose one, the standard one is named. */
export function tierToSend(model: Model, asked: string | undefined): string | undefined {
  if (!STANDARD_TIERS.includes(asked)) return asked;
  return asked !== undefined || sellsTiers(model) ? 'default' : undefined;
}

/** Most requests: nothing in them can change the price. */
function isPlain({ serviceTier, searchesWeb, hears, speaks }: PriceFacts, price: Price): boolean {
  const { cachedPromptPicoUsdPerToken: cached = 0n, promptPicoUsdPerToken: prompt } = price;
  return STANDARD_TIERS.includes(serviceTier) && !searchesWeb && !hears && !speaks && cached <= prompt;
}

function priceOf(model: Model, tier: string | undefined, searchesWeb: boolean): Price | undefined {
  return [...(model.price === undefined ? [] : [model.price]), ...model.otherPrices].find(
    (price) => price.serviceTier === tier && (price.webSearchPicoUsd !== undefined) === searchesWeb,
  );
}

function sellsTiers({ otherPrices }: Model): boolean {
  return otherPrices.some(({ serviceTier }) => serviceTier !== undefined);
}

/** By name that of the tier asked for; no charge names it. */
function dearestOf(asked: Price, standard: Price, { hears, speaks }: PriceFacts): Price {
  const both = [asked, standard];
  return {
    version: asked.version,
    promptPicoUsdPerToken: both
      .flatMap((price) => [
        price.promptPicoUsdPerToken,
        price.cachedPromptPicoUsdPerToken ?? 0n,
        (hears && price.audioPromptPicoUsdPerToken) || 0n,
      ])
      .reduce(max),
    completionPicoUsdPerToken: both
      .flatMap((price) => [
        price.completionPicoUsdPerToken,
        (speaks && price.audioCompletionPicoUsdPerToken) || 0n,
      ])
      .reduce(max),
    ...(asked.webSearchPicoUsd !== undefined && { webSearchPicoUsd: asked.webSearchPicoUsd }),
  };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

const NO_WEB_SEARCH =
  "'web_search_options' is not available for this model: it has no price for searching the web. Leave it out, or choose a model whose 'pricing' has 'web_search'.";
const ONE_CHOICE = "'web_search_options' is only allowed with one choice. Leave 'n' out.";

function noTier(tier: string | undefined, model: Model): string {
  const priced = model.otherPrices.flatMap(({ serviceTier }) => serviceTier ?? []);
  const possible = ['auto', 'default', ...new Set(priced)].map((each) => `'${each}'`);
  const last = possible.pop() ?? '';
  return `Invalid value: '${tier}'. This model has no price for that 'service_tier'. Supported values are: ${possible.join(', ')} and ${last}.`;
}

function refused(field: string, input: unknown, message: string, body: object): ValidationFailedError {
  const issue: Issue = { kind: 'conflict', message, code: 'unsupported_value', path: [field], input };
  return new ValidationFailedError([issue], body);
}

import { createHash } from 'node:crypto';
import type { Price } from '../common/money/price.js';
import { parsePicoUsd } from '../common/money/usd.js';
import type { ModelConfig, PricingConfig, UpstreamConfig } from '../config/app-config.js';
import { findListPrice, findPriceProvider, isPriceProvider, type ListPrice } from './price-table.js';

/** A price with where it comes from. */
export interface SourcedPrice {
  readonly price: Price;
  /** `written`, or the entries of the price table (`genai-prices openai/gpt-4o-mini`). */
  readonly source: string;
  /** Milliseconds since the epoch; `Infinity`: until the operator says otherwise. */
  readonly validUntilMs: number;
}

/** A price that the operator wrote, in the file or the environment; it always wins. */
export function writtenPrice(modelId: string, pricing: PricingConfig): SourcedPrice {
  const amounts = {
    prompt: parsePicoUsd(pricing.prompt),
    completion: parsePicoUsd(pricing.completion),
    cachedPrompt: pricing.cachedPrompt === undefined ? undefined : parsePicoUsd(pricing.cachedPrompt),
  };
  return { ...versioned(modelId, amounts, 'written'), validUntilMs: Infinity };
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
  };
  const entries = [...new Set(prices.map(({ entry }) => entry))].join(' ');
  return {
    ...versioned(model.id, amounts, `genai-prices ${entries}`),
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
}

/** The version follows from the content, so the same price has the same name in every process and after a restart. */
function versioned(modelId: string, amounts: Amounts, source: string): { price: Price; source: string } {
  const content = [modelId, amounts.prompt, amounts.completion, amounts.cachedPrompt ?? '', source].map(
    String,
  );
  const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  const price: Price = {
    version: `p_${digest.slice(0, 12)}`,
    promptPicoUsdPerToken: amounts.prompt,
    completionPicoUsdPerToken: amounts.completion,
    ...(amounts.cachedPrompt !== undefined && { cachedPromptPicoUsdPerToken: amounts.cachedPrompt }),
  };
  return { price, source };
}

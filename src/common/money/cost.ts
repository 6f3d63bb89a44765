import type { Price } from './price.js';

/** What a price applies to. Whole, non-negative, safe integers; the meter has checked them. */
export interface PricedTokens {
  /** All prompt tokens, those read from the upstream's cache included. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The part of `promptTokens` that came from the upstream's cache; more than all of them counts as all. */
  readonly cachedPromptTokens?: number;
  /** The part of `promptTokens` that is sound. What came from a cache is priced as that. */
  readonly audioPromptTokens?: number;
  /** The part of `completionTokens` that is sound. */
  readonly audioCompletionTokens?: number;
}

const PICO_PER_NANO = 1_000n;
const HUNDREDTHS_PER_CREDIT = 100n;

/**
 * Cost in nano-USD, rounded up once, at the end: never less than the price says, never a whole nano-USD more.
 *
 * @throws RangeError for a count that is no whole, non-negative, safe integer
 */
export function costNanoUsd(tokens: PricedTokens, price: Price): bigint {
  const prompt = count(tokens.promptTokens);
  const completion = count(tokens.completionTokens);
  const cached = least(count(tokens.cachedPromptTokens ?? 0), prompt);
  const heard = least(count(tokens.audioPromptTokens ?? 0), prompt - cached);
  const spoken = least(count(tokens.audioCompletionTokens ?? 0), completion);
  const { promptPicoUsdPerToken: promptPrice, completionPicoUsdPerToken: completionPrice } = price;
  const picoUsd =
    (prompt - cached - heard) * promptPrice +
    cached * (price.cachedPromptPicoUsdPerToken ?? promptPrice) +
    heard * (price.audioPromptPicoUsdPerToken ?? promptPrice) +
    (completion - spoken) * completionPrice +
    spoken * (price.audioCompletionPicoUsdPerToken ?? completionPrice) +
    (price.webSearchPicoUsd ?? 0n);
  return divideRoundingUp(picoUsd, PICO_PER_NANO);
}

/**
 * Credits for a cost, in hundredths of a credit, rounded up: `ceil(cost / price of a credit, 0.01)`.
 *
 * @param creditNanoUsd price of one credit; above 0
 */
export function creditHundredths(costInNanoUsd: bigint, creditNanoUsd: bigint): bigint {
  return divideRoundingUp(costInNanoUsd * HUNDREDTHS_PER_CREDIT, creditNanoUsd);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function count(tokens: number): bigint {
  if (!Number.isSafeInteger(tokens) || tokens < 0) throw new RangeError('a token count must be 0 or more');
  return BigInt(tokens);
}

/** For dividends of 0 or more. */
function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

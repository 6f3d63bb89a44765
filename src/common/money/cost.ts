import type { Price } from './price.js';

/** What a price applies to. Whole, non-negative, safe integers; the meter has checked them. */
export interface PricedTokens {
  /** All prompt tokens, those read from the upstream's cache included. */
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** The part of `promptTokens` that came from the upstream's cache; more than all of them counts as all. */
  readonly cachedPromptTokens?: number;
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
  const reportedCached = count(tokens.cachedPromptTokens ?? 0);
  const cached = reportedCached > prompt ? prompt : reportedCached;
  const cachedPrice = price.cachedPromptPicoUsdPerToken ?? price.promptPicoUsdPerToken;
  const picoUsd =
    (prompt - cached) * price.promptPicoUsdPerToken +
    cached * cachedPrice +
    completion * price.completionPicoUsdPerToken;
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

function count(tokens: number): bigint {
  if (!Number.isSafeInteger(tokens) || tokens < 0) throw new RangeError('a token count must be 0 or more');
  return BigInt(tokens);
}

/** For dividends of 0 or more. */
function divideRoundingUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}

import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import type { Price } from '../common/money/price.js';

/** What to set aside for a request, in hundredths of a credit. */
export interface HoldSize {
  /** What is asked for at first: the most that the request can cost, where that is known. */
  readonly amountHundredths: bigint;
  /** What must be there to begin: the same, or less where the client set no limit of its own. */
  readonly leastHundredths: bigint;
  /** The most that the request can cost; `undefined` where neither client nor model limits an answer that costs. */
  readonly worstHundredths: bigint | undefined;
}

/** Output that an answer without a limit must at least be able to have. */
const LEAST_COMPLETION_TOKENS = 512;

/**
 * A client that names `max_tokens` is held to the worst case, `n` × `max_tokens`. One that names none could be held to
 * the model's whole limit, and a few such requests side by side would lock a paying account out; so its hold may be
 * smaller (a share of what is available, but room for a short answer) and grows while the answer does.
 *
 * @param promptTokens read altogether, at most
 * @param maxCompletionTokens of all choices together; `undefined` where nobody names a limit
 */
export function holdSize(
  promptTokens: number,
  maxCompletionTokens: number | undefined,
  limitIsClients: boolean,
  price: Price,
  creditNanoUsd: bigint,
): HoldSize {
  const credits = (completionTokens: number): bigint =>
    creditHundredths(costNanoUsd({ promptTokens, completionTokens }, price), creditNanoUsd);
  const least = Math.min(LEAST_COMPLETION_TOKENS, maxCompletionTokens ?? LEAST_COMPLETION_TOKENS);
  const limitless = maxCompletionTokens === undefined && price.completionPicoUsdPerToken > 0n;
  const amount = credits(maxCompletionTokens ?? UNLIMITED_COMPLETION_TOKENS);
  return {
    amountHundredths: amount,
    leastHundredths: limitIsClients ? amount : credits(least),
    worstHundredths: limitless ? undefined : amount,
  };
}

/** Of the first hold of an answer that nobody limits, at most; it grows from there as long as the answer does. */
const UNLIMITED_COMPLETION_TOKENS = 16_384;

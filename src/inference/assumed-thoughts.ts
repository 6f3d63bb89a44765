import { affordableUsage } from '../billing/pricing.js';
import { usageOf, type BelievedUsage } from '../billing/reported-usage.js';
import type { Price } from '../common/money/price.js';
import type { Reservation } from './reservation.service.js';

/** As fast as models of some size think. */
const TOKENS_PER_SECOND = 100;

/**
 * What an answer is charged whose client has left, whose model may have thought unseen, and whose usage did not come in
 * time: beside what was relayed, thoughts for the time until its first word, of each choice, as far as its hold covers
 * them. Whoever leaves can change none of that.
 *
 * @param unheard how long until the first word, and of how many calls nothing is known
 */
export function withAssumedThoughts(
  believed: BelievedUsage,
  { hold, maxCompletionTokens = Infinity, prompt }: Reservation,
  unheard: { readonly ms: number; readonly calls: number },
  price: Price,
  creditNanoUsd: bigint,
): BelievedUsage {
  const { usage } = believed;
  const thoughts = Math.floor((unheard.ms / 1_000) * TOKENS_PER_SECOND) * prompt.reads * unheard.calls;
  const assumed = Math.min(usage.completion_tokens + thoughts, maxCompletionTokens);
  if (assumed <= usage.completion_tokens) return believed;
  const covered = affordableUsage(
    usageOf(usage.prompt_tokens, assumed, {
      cachedTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      promptAudioTokens: usage.prompt_tokens_details?.audio_tokens ?? 0,
      completionAudioTokens: usage.completion_tokens_details?.audio_tokens ?? 0,
      reasoningTokens: (usage.completion_tokens_details?.reasoning_tokens ?? 0) + thoughts,
    }),
    price,
    creditNanoUsd,
    hold.amountHundredths,
  );
  if (covered.completion_tokens <= usage.completion_tokens) return believed;
  const more = covered.completion_tokens - usage.completion_tokens;
  const details = covered.completion_tokens_details;
  const reasoning = Math.min(
    details?.reasoning_tokens ?? 0,
    (usage.completion_tokens_details?.reasoning_tokens ?? 0) + more,
  );
  return {
    usage: {
      ...covered,
      ...(details && { completion_tokens_details: { ...details, reasoning_tokens: reasoning } }),
    },
    source: 'estimated',
  };
}

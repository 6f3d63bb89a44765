import { costNanoUsd, creditHundredths } from '../common/money/cost.js';
import type { Price } from '../common/money/price.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { usageOf } from './reported-usage.js';

export interface Cost {
  readonly costNanoUsd: bigint;
  readonly creditHundredths: bigint;
}

/** What usage costs at a price, in nano-USD and in hundredths of a credit, both rounded up. */
export function priceUsage(usage: Usage, price: Price, creditNanoUsd: bigint): Cost {
  const cost = costNanoUsd(
    {
      promptTokens: usage.prompt_tokens,
      completionTokens: usage.completion_tokens,
      cachedPromptTokens: usage.prompt_tokens_details?.cached_tokens ?? 0,
      audioPromptTokens: usage.prompt_tokens_details?.audio_tokens ?? 0,
      audioCompletionTokens: usage.completion_tokens_details?.audio_tokens ?? 0,
    },
    price,
  );
  return { costNanoUsd: cost, creditHundredths: creditHundredths(cost, creditNanoUsd) };
}

/**
 * The largest part of `usage` that `payableHundredths` pay for: completion tokens go first, then prompt tokens.
 * Searched, not calculated: rounding up twice has no inverse.
 */
export function affordableUsage(
  usage: Usage,
  price: Price,
  creditNanoUsd: bigint,
  payableHundredths: bigint,
): Usage {
  const fits = (prompt: number, completion: number): boolean =>
    priceUsage(partOf(usage, prompt, completion), price, creditNanoUsd).creditHundredths <= payableHundredths;
  const prompt = fits(usage.prompt_tokens, 0)
    ? usage.prompt_tokens
    : largest(usage.prompt_tokens, (tokens) => fits(tokens, 0));
  const completion = largest(usage.completion_tokens, (tokens) => fits(prompt, tokens));
  return partOf(usage, prompt, completion);
}

/** Usage with fewer tokens; details are cut to fit. */
export function partOf(usage: Usage, promptTokens: number, completionTokens: number): Usage {
  return usageOf(promptTokens, completionTokens, {
    cachedTokens: Math.min(usage.prompt_tokens_details?.cached_tokens ?? 0, promptTokens),
    promptAudioTokens: Math.min(usage.prompt_tokens_details?.audio_tokens ?? 0, promptTokens),
    reasoningTokens: Math.min(usage.completion_tokens_details?.reasoning_tokens ?? 0, completionTokens),
    completionAudioTokens: Math.min(usage.completion_tokens_details?.audio_tokens ?? 0, completionTokens),
  });
}

/** The largest whole number up to `most` for which `fits`, where smaller ones fit too; 0 when none does. */
function largest(most: number, fits: (value: number) => boolean): number {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

import type { Usage } from '../../../contracts/openai/chat-completion.js';
import type { ModelUsage } from './language-model.js';

/** Token counts as OpenAI spells them; `cache_write_tokens` only where the vendor says it. */
export interface VendorUsage extends Required<Usage> {
  prompt_tokens_details: Required<Usage>['prompt_tokens_details'] & { cache_write_tokens?: number };
}

/**
 * A vendor's token counts in OpenAI's words. Prompt tokens are all that were read: fresh ones, those from a cache and
 * those written to it (Anthropic counts the three apart). Completion tokens include reasoning.
 *
 * @returns `undefined` when the vendor counted nothing, so that we count ourselves
 */
export function toUsage(usage: ModelUsage): VendorUsage | undefined {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens.total === undefined || outputTokens.total === undefined) return undefined;
  const cacheWrites = inputTokens.cacheWrite ?? 0;
  return {
    prompt_tokens: inputTokens.total,
    completion_tokens: outputTokens.total,
    total_tokens: inputTokens.total + outputTokens.total,
    prompt_tokens_details: {
      cached_tokens: inputTokens.cacheRead ?? 0,
      audio_tokens: heardTokens(usage),
      ...(cacheWrites > 0 ? { cache_write_tokens: cacheWrites } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens: outputTokens.reasoning ?? 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/** Gemini tells it apart, which the package does not. @see https://ai.google.dev/api/generate-content, UsageMetadata */
function heardTokens({ raw }: ModelUsage): number {
  const details: unknown = raw?.['promptTokensDetails'];
  if (!Array.isArray(details)) return 0;
  let tokens = 0;
  for (const detail of details as unknown[]) {
    const { modality, tokenCount } = (detail ?? {}) as { modality?: unknown; tokenCount?: unknown };
    if (modality === 'AUDIO' && typeof tokenCount === 'number' && tokenCount > 0) tokens += tokenCount;
  }
  return tokens;
}

/**
 * The usage of several choices, each of which was a call of its own: every one read the prompt and is paid for it.
 *
 * @returns `undefined` when any of them is unknown
 */
export function sumUsage(usages: readonly (VendorUsage | undefined)[]): VendorUsage | undefined {
  return usages.reduce((sum, next) => (sum === undefined || next === undefined ? undefined : add(sum, next)));
}

function add(a: VendorUsage, b: VendorUsage): VendorUsage {
  const cacheWrites =
    (a.prompt_tokens_details.cache_write_tokens ?? 0) + (b.prompt_tokens_details.cache_write_tokens ?? 0);
  return {
    prompt_tokens: a.prompt_tokens + b.prompt_tokens,
    completion_tokens: a.completion_tokens + b.completion_tokens,
    total_tokens: a.total_tokens + b.total_tokens,
    prompt_tokens_details: {
      cached_tokens: a.prompt_tokens_details.cached_tokens + b.prompt_tokens_details.cached_tokens,
      audio_tokens: a.prompt_tokens_details.audio_tokens + b.prompt_tokens_details.audio_tokens,
      ...(cacheWrites > 0 ? { cache_write_tokens: cacheWrites } : {}),
    },
    completion_tokens_details: {
      reasoning_tokens:
        a.completion_tokens_details.reasoning_tokens + b.completion_tokens_details.reasoning_tokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

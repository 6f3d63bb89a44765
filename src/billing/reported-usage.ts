import type { Usage } from '../contracts/openai/chat-completion.js';

/** Where the token counts of a row come from. */
export type UsageSource = 'upstream' | 'counted' | 'estimated';

/** The most that a request can honestly have used; an upstream that reports more is not believed. */
export interface UsageBounds {
  readonly maxPromptTokens: number;
  readonly maxCompletionTokens: number;
}

export interface BelievedUsage {
  readonly usage: Usage;
  readonly source: UsageSource;
}

/**
 * Reads what an upstream reported. Counts that are no whole number ≥ 0 are as good as none; counts above the bounds
 * are cut to them and marked `estimated`, so no report can charge more than was held or pay anyone.
 *
 * @returns `undefined` when there is nothing usable: count yourself
 */
export function believeReported(reported: unknown, bounds: UsageBounds): BelievedUsage | undefined {
  if (!isRecord(reported)) return undefined;
  const prompt = tokens(reported['prompt_tokens']);
  const completion = tokens(reported['completion_tokens']);
  if (prompt === undefined || completion === undefined) return undefined;

  const promptDetails = isRecord(reported['prompt_tokens_details']) ? reported['prompt_tokens_details'] : {};
  const completionDetails = isRecord(reported['completion_tokens_details'])
    ? reported['completion_tokens_details']
    : {};
  const inBounds = prompt <= bounds.maxPromptTokens && completion <= bounds.maxCompletionTokens;
  const promptTokens = Math.min(prompt, bounds.maxPromptTokens);
  const completionTokens = Math.min(completion, bounds.maxCompletionTokens);
  const cached = Math.min(tokens(promptDetails['cached_tokens']) ?? 0, promptTokens);
  return {
    usage: usageOf(promptTokens, completionTokens, {
      cachedTokens: cached,
      promptAudioTokens: Math.min(tokens(promptDetails['audio_tokens']) ?? 0, promptTokens),
      reasoningTokens: Math.min(tokens(completionDetails['reasoning_tokens']) ?? 0, completionTokens),
      completionAudioTokens: Math.min(tokens(completionDetails['audio_tokens']) ?? 0, completionTokens),
      acceptedPredictionTokens: tokens(completionDetails['accepted_prediction_tokens']) ?? 0,
      rejectedPredictionTokens: tokens(completionDetails['rejected_prediction_tokens']) ?? 0,
    }),
    source: inBounds ? 'upstream' : 'estimated',
  };
}

interface UsageDetails {
  cachedTokens?: number;
  promptAudioTokens?: number;
  reasoningTokens?: number;
  completionAudioTokens?: number;
  acceptedPredictionTokens?: number;
  rejectedPredictionTokens?: number;
}

/** Usage with every key that OpenAI's has; `total_tokens` is always the sum. */
export function usageOf(promptTokens: number, completionTokens: number, details: UsageDetails = {}): Usage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: {
      cached_tokens: details.cachedTokens ?? 0,
      audio_tokens: details.promptAudioTokens ?? 0,
    },
    completion_tokens_details: {
      reasoning_tokens: details.reasoningTokens ?? 0,
      audio_tokens: details.completionAudioTokens ?? 0,
      accepted_prediction_tokens: details.acceptedPredictionTokens ?? 0,
      rejected_prediction_tokens: details.rejectedPredictionTokens ?? 0,
    },
  };
}

/** Some upstreams report whole numbers as floats (`12.0`); nothing else is believed. */
function tokens(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { believeReported, usageOf } from '../../billing/reported-usage.js';
import type { Usage } from '../../contracts/openai/chat-completion.js';
import type { ReportedUsage } from '../../upstreams/upstream.port.js';

/** The meter bounds the sum; here only what is no count at all is turned down. */
const UNBOUNDED = { maxPromptTokens: Number.MAX_SAFE_INTEGER, maxCompletionTokens: Number.MAX_SAFE_INTEGER };

/**
 * What several calls used together.
 *
 * @returns `undefined` unless every one of them reported counts: a sum with a gap would be taken for the whole
 */
export function sumUsage(reports: readonly ReportedUsage[]): Usage | undefined {
  let sum = usageOf(0, 0);
  for (const report of reports) {
    const believed = believeReported(report, UNBOUNDED);
    if (believed === undefined) return undefined;
    sum = add(sum, believed.usage);
  }
  return sum;
}

function add(a: Usage, b: Usage): Usage {
  const prompt = [a.prompt_tokens_details, b.prompt_tokens_details];
  const completion = [a.completion_tokens_details, b.completion_tokens_details];
  return usageOf(a.prompt_tokens + b.prompt_tokens, a.completion_tokens + b.completion_tokens, {
    cachedTokens: total(prompt, 'cached_tokens'),
    promptAudioTokens: total(prompt, 'audio_tokens'),
    reasoningTokens: total(completion, 'reasoning_tokens'),
    completionAudioTokens: total(completion, 'audio_tokens'),
    acceptedPredictionTokens: total(completion, 'accepted_prediction_tokens'),
    rejectedPredictionTokens: total(completion, 'rejected_prediction_tokens'),
  });
}

function total<Key extends string>(details: readonly (Record<Key, number> | undefined)[], key: Key): number {
  return details.reduce((sum, each) => sum + (each?.[key] ?? 0), 0);
}

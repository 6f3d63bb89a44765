import type { Usage } from '../../../contracts/openai/chat-completion.js';

export interface TokenCounts {
  readonly prompt: number;
  readonly promptAudio?: number;
  readonly completion: number;
  readonly reasoning?: number;
}

/** Usage as OpenAI reports it, details included. */
export function toUsage({ prompt, promptAudio = 0, completion, reasoning = 0 }: TokenCounts): Usage {
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: 0, audio_tokens: promptAudio },
    completion_tokens_details: {
      reasoning_tokens: reasoning,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

/**
 * Wire shapes of the legacy `POST …/completions`.
 * @see openai-openapi 2.3.0, CreateCompletionRequest, CreateCompletionResponse
 */
import type { StreamOptions } from './chat-completion.js';

/** One prompt as text or token ids; `number[]` is ONE prompt, `number[][]` and `string[]` are several. */
export type CompletionPrompt = string | string[] | number[] | number[][];

export interface CompletionRequest {
  model: string;
  prompt: CompletionPrompt;
  stream?: boolean;
  stream_options?: StreamOptions;
  temperature?: number;
  top_p?: number;
  n?: number;
  best_of?: number;
  max_tokens?: number;
  echo?: boolean;
  suffix?: string;
  logprobs?: number;
  stop?: string | string[];
  presence_penalty?: number;
  frequency_penalty?: number;
  seed?: number;
  logit_bias?: Record<string, number>;
  user?: string;
  /** Not on the wire: for the chat calls that stand in for it. */
  service_tier?: string;
}

/** Four parallel arrays, one entry a token; offsets count characters of the returned text's prompt + completion. */
export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: (number | null)[];
  top_logprobs: (Record<string, number> | null)[];
  text_offset: number[];
}

export type CompletionFinishReason = 'stop' | 'length' | 'content_filter';

export interface CompletionChoice {
  text: string;
  index: number;
  logprobs: CompletionLogprobs | null;
  finish_reason: CompletionFinishReason;
}

export interface CompletionChunkChoice {
  text: string;
  index: number;
  logprobs: CompletionLogprobs | null;
  finish_reason: CompletionFinishReason | null;
}

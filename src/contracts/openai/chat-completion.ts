/**
 * Wire shapes of `POST …/chat/completions`, spelt as on the wire.
 *
 * Requests are the OpenAI superset that all three surfaces accept; a field that the client left out or sent as `null`
 * is absent here. Responses carry what a model said; ids, dialect and credits are added at the edge.
 * @see openai-openapi 2.3.0, CreateChatCompletionRequest, CreateChatCompletionResponse, CreateChatCompletionStreamResponse
 */

import type { SpokenAudio } from './spoken-audio.js';

export type ChatRole = 'developer' | 'system' | 'user' | 'assistant' | 'tool' | 'function';

export interface TextPart {
  type: 'text';
  text: string;
}
export interface ImagePart {
  type: 'image_url';
  image_url: { url: string; detail?: 'auto' | 'low' | 'high' };
}
export interface AudioPart {
  type: 'input_audio';
  input_audio: { data: string; format: 'wav' | 'mp3' };
}
export interface FilePart {
  type: 'file';
  file: { filename?: string; file_data?: string; file_id?: string };
}
export interface RefusalPart {
  type: 'refusal';
  refusal: string;
}
export type ContentPart = TextPart | ImagePart | AudioPart | FilePart | RefusalPart;

export interface FunctionToolCall {
  id: string;
  type: 'function';
  function: { name: string; arguments: string };
}
export interface CustomToolCall {
  id: string;
  type: 'custom';
  custom: { name: string; input: string };
}
export type ToolCall = FunctionToolCall | CustomToolCall;

export interface ChatMessage {
  role: ChatRole;
  content?: string | ContentPart[] | null;
  name?: string;
  refusal?: string | null;
  /** What a reasoning model thought before an earlier answer, for models that want it back. */
  reasoning_content?: string | null;
  tool_calls?: ToolCall[];
  tool_call_id?: string;
  function_call?: { name: string; arguments: string } | null;
  audio?: { id: string } | null;
}

export interface FunctionDefinition {
  name: string;
  description?: string;
  /** A JSON Schema; never compiled or evaluated by the gateway. */
  parameters?: Record<string, unknown>;
  strict?: boolean | null;
}
export type Tool =
  | { type: 'function'; function: FunctionDefinition }
  | { type: 'custom'; custom: { name: string; description?: string; format?: Record<string, unknown> } };

export type ToolChoice =
  | 'none'
  | 'auto'
  | 'required'
  | { type: 'function'; function: { name: string } }
  | { type: 'custom'; custom: { name: string } }
  | {
      type: 'allowed_tools';
      allowed_tools: { mode: 'auto' | 'required'; tools: Record<string, unknown>[] };
    };

export type ResponseFormat =
  | { type: 'text' }
  | { type: 'json_object' }
  | {
      type: 'json_schema';
      json_schema: {
        name: string;
        description?: string;
        schema?: Record<string, unknown>;
        strict?: boolean | null;
      };
    };

export interface StreamOptions {
  include_usage?: boolean;
  include_obfuscation?: boolean;
}

/** What a client may ask of a chat model. Absent means: the client did not say. */
export interface ChatCompletionRequest {
  model: string;
  messages: ChatMessage[];
  stream?: boolean;
  stream_options?: StreamOptions;
  temperature?: number;
  top_p?: number;
  n?: number;
  max_tokens?: number;
  max_completion_tokens?: number;
  stop?: string | string[];
  presence_penalty?: number;
  frequency_penalty?: number;
  seed?: number;
  logit_bias?: Record<string, number>;
  logprobs?: boolean;
  top_logprobs?: number;
  tools?: Tool[];
  tool_choice?: ToolChoice;
  parallel_tool_calls?: boolean;
  functions?: FunctionDefinition[];
  function_call?: 'none' | 'auto' | { name: string };
  response_format?: ResponseFormat;
  reasoning_effort?: string;
  verbosity?: string;
  modalities?: string[];
  audio?: Record<string, unknown>;
  prediction?: Record<string, unknown>;
  service_tier?: string;
  store?: boolean;
  metadata?: Record<string, string>;
  user?: string;
  safety_identifier?: string;
  prompt_cache_key?: string;
  web_search_options?: Record<string, unknown>;
  /** W only (Waterflai's description); the memory of a chatbot. */
  conversation_id?: string;
}

export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call';

export interface TokenLogprob {
  token: string;
  logprob: number;
  bytes: number[] | null;
  top_logprobs: { token: string; logprob: number; bytes: number[] | null }[];
}
export interface ChoiceLogprobs {
  content: TokenLogprob[] | null;
  refusal: TokenLogprob[] | null;
}

/** Token counts. `total_tokens` is always prompt + completion; `n > 1` sums the choices. */
export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details?: { cached_tokens: number; audio_tokens: number };
  completion_tokens_details?: {
    reasoning_tokens: number;
    audio_tokens: number;
    accepted_prediction_tokens: number;
    rejected_prediction_tokens: number;
  };
}

export interface AssistantMessage {
  role: 'assistant';
  content: string | null;
  refusal: string | null;
  reasoning_content?: string;
  tool_calls?: ToolCall[];
  function_call?: { name: string; arguments: string };
  annotations?: unknown[];
  audio?: SpokenAudio;
}
export interface ChatChoice {
  index: number;
  message: AssistantMessage;
  finish_reason: FinishReason;
  logprobs: ChoiceLogprobs | null;
}

export interface ToolCallDelta {
  index: number;
  id?: string;
  type?: 'function' | 'custom';
  function?: { name?: string; arguments?: string };
  custom?: { name?: string; input?: string };
}
export interface ChatDelta {
  role?: 'assistant';
  content?: string | null;
  refusal?: string | null;
  reasoning_content?: string | null;
  tool_calls?: ToolCallDelta[];
  function_call?: { name?: string; arguments?: string };
  annotations?: unknown[];
  audio?: SpokenAudio;
}
export interface ChatChunkChoice {
  index: number;
  delta: ChatDelta;
  finish_reason: FinishReason | null;
  logprobs?: ChoiceLogprobs | null;
}

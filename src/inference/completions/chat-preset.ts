import type { ChatCompletionRequest, ChatMessage } from '../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../contracts/openai/completion.js';

/** What goes with every chat call that stands in for a prompt of a legacy completion. */
export interface ChatPreset {
  /** Before all that is the caller's. */
  readonly lead: readonly ChatMessage[];
  /** In whose name the model is told of a `suffix`: as `user` it is nothing more than the caller's words. */
  readonly suffixRole: 'system' | 'user';
  /** Settings for which legacy completions have no field. */
  readonly settings: Pick<ChatCompletionRequest, 'reasoning_effort' | 'verbosity' | 'response_format'>;
}

/** A legacy completion, perhaps by a preset over a chat model: never natively, and each call takes the preset along. */
export interface PresetCompletionRequest extends CompletionRequest {
  /** Not on the wire. Absent: a plain model. */
  readonly preset?: ChatPreset | undefined;
}

/** Of a plain model. */
export const NO_PRESET: ChatPreset = { lead: [], suffixRole: 'system', settings: {} };

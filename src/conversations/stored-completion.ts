import type { ChatMessage } from '../contracts/openai/chat-completion.js';

/** A chat completion that was asked to be stored (`store: true`), to be found again by its id. */
export interface StoredCompletion {
  /** `chatcmpl-…` */
  readonly id: string;
  readonly accountId: string;
  /** As the request named it: the chatbot's id or the model's. */
  readonly model: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** The answer as the client was given it: JSON text. */
  readonly answer: string;
  readonly requestId: string;
  readonly createdAtMs: number;
}

/** One to be stored, with what was asked, system messages included. */
export interface NewStoredCompletion extends StoredCompletion {
  readonly messages: readonly ChatMessage[];
}

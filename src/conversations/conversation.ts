import type { ChatMessage } from '../contracts/openai/chat-completion.js';

/** Which conversation a request means. The same id under another account or chatbot is another conversation. */
export interface ConversationScope {
  readonly accountId: string;
  /** `undefined`: a conversation with plain models. */
  readonly chatbotId: string | undefined;
  /** As the client knows it. */
  readonly clientId: string;
}

/** What a conversation says about itself; sealed at rest like its messages. */
export interface ConversationHead {
  readonly title?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly summary?: Summary | undefined;
  /**
   * Digest over all its messages in order: tells a history that a client sends again from a new message. `undefined`: not
   * known since a message was erased, until a client sends all that is left.
   */
  readonly chain?: string | undefined;
}

/** What stands for the oldest messages of a conversation. */
export interface Summary {
  readonly text: string;
  /** The last message that it covers. */
  readonly throughSeq: number;
  /** Messages that it covers. */
  readonly messages: number;
}

/** A message as it is stored. */
export interface StoredMessage {
  /** `msg_…` */
  readonly id: string;
  /** Its place; ascending, with gaps where messages were deleted. */
  readonly seq: number;
  /** From 1: the exchange that it belongs to. */
  readonly turn: number;
  readonly message: ChatMessage;
  /** UTF-8 length of all that a model reads of it: no tokenizer makes more tokens of it. */
  readonly bytes: number;
  readonly requestId: string | undefined;
  readonly createdAtMs: number;
}

/** A conversation without its messages. */
export interface Conversation {
  /** `conv_…`; of a stored completion `chatcmpl-…`. */
  readonly id: string;
  readonly accountId: string;
  readonly chatbotId: string | undefined;
  readonly clientId: string;
  readonly model: string | undefined;
  readonly head: ConversationHead;
  readonly messageCount: number;
  readonly turnCount: number;
  /** Raised by every change of what it says. */
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** A conversation of a list. */
export interface ListedConversation extends Omit<Conversation, 'head'> {
  /** `undefined`: it cannot be opened with the configured keys. */
  readonly head: ConversationHead | undefined;
}

/** A conversation with its newest messages, as a turn begins with it. */
export interface Recollection {
  readonly conversation: Conversation;
  /** The newest, oldest first. */
  readonly messages: readonly StoredMessage[];
  /** Whether some that were wanted are left out: one of them is very long, or they lie far apart. */
  readonly cut: boolean;
}

/** One exchange, to be added when its answer is charged. */
export interface NewTurn {
  /** The conversation; created where there is none yet. */
  readonly scope: ConversationScope;
  /** `conv_…` of the conversation as it was found, or the one to create. */
  readonly id: string;
  /** Whether it was found: one that was and is gone was erased meanwhile, and stays so. */
  readonly existed: boolean;
  /** As the request named it: the chatbot's id or the model's. */
  readonly model: string;
  /** What the client said and what was answered, in order. */
  readonly messages: readonly ChatMessage[];
  /** Of `messages`, where they are known: charges of others wait while they are made. */
  readonly digests?: readonly string[] | undefined;
  readonly requestId: string;
  readonly atMs: number;
  /** What it goes on from, as the request found it: how many messages, and their digest, if it is known. */
  readonly before?: { readonly messageCount: number; readonly chain: string | undefined } | undefined;
  /**
   * Where the client's own version of the history departs from what is stored: the last stored message that is part
   * of both (0: none). Those after it are deleted. `undefined`: nothing departs.
   */
  readonly departsAfterSeq?: number | undefined;
}

import type { Selectable } from 'kysely';
import { jsonTextInSlices, roughJsonLength } from '../common/json-in-slices.js';
import { newMessageId } from '../common/ids/ids.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { messageBytes } from '../contracts/openai/message-texts.js';
import { BODIES, HEADS } from '../persistence/sealed-column.js';
import type { Sealer } from '../persistence/sealer.js';
import type { ConversationMessagesTable, ConversationsTable } from '../persistence/tables.js';
import type { Conversation, ConversationHead, ListedConversation, StoredMessage } from './conversation.js';

/** What the body of a message's row says, as JSON, sealed. */
export interface MessageBody {
  readonly message: ChatMessage;
}

export const CONVERSATION_COLUMNS = [
  'id',
  'account_id',
  'chatbot_id',
  'client_id',
  'model',
  'head',
  'sealed_with',
  'message_count',
  'turn_count',
  'version',
  'created_at_ms',
  'updated_at_ms',
] as const satisfies readonly (keyof ConversationsTable)[];

export const MESSAGE_COLUMNS = [
  'id',
  'conversation_id',
  'seq',
  'turn',
  'bytes',
  'body',
  'sealed_with',
  'request_id',
  'created_at_ms',
] as const satisfies readonly (keyof ConversationMessagesTable)[];

type ConversationRow = Pick<Selectable<ConversationsTable>, (typeof CONVERSATION_COLUMNS)[number]>;

/** @throws DomainError `storage_unavailable` when its head cannot be opened */
export function toConversation(row: ConversationRow, sealer: Sealer): Conversation {
  return { ...withoutHead(row), head: openHead(row, sealer) };
}

export function toListedConversation(row: ConversationRow, sealer: Sealer): ListedConversation {
  const head = sealer.openOfList(row.head, row.sealed_with, HEADS.placeOf(row.id));
  return {
    ...withoutHead(row),
    head: head === undefined ? undefined : (JSON.parse(head) as ConversationHead),
  };
}

function withoutHead(row: ConversationRow): Omit<Conversation, 'head'> {
  return {
    id: row.id,
    accountId: row.account_id,
    chatbotId: row.chatbot_id === '' ? undefined : row.chatbot_id,
    clientId: row.client_id,
    model: row.model ?? undefined,
    messageCount: row.message_count,
    turnCount: row.turn_count,
    version: row.version,
    createdAtMs: Number(row.created_at_ms),
    updatedAtMs: Number(row.updated_at_ms),
  };
}

export function openHead(
  row: Pick<Selectable<ConversationsTable>, 'id' | 'head' | 'sealed_with'>,
  sealer: Sealer,
): ConversationHead {
  return JSON.parse(sealer.open(row.head, row.sealed_with, HEADS.placeOf(row.id))) as ConversationHead;
}

export function sealHead(id: string, head: ConversationHead, sealer: Sealer) {
  const { text, sealedWith } = sealer.seal(JSON.stringify(head), HEADS.placeOf(id));
  return { head: text, sealed_with: sealedWith };
}

/** @throws DomainError `storage_unavailable` when its body cannot be opened */
export function toStoredMessage(
  row: Pick<Selectable<ConversationMessagesTable>, (typeof MESSAGE_COLUMNS)[number]>,
  sealer: Sealer,
): StoredMessage {
  const place = BODIES.placeOf(row.conversation_id, row.id);
  const { message } = JSON.parse(sealer.open(row.body, row.sealed_with, place)) as MessageBody;
  return {
    id: row.id,
    seq: row.seq,
    turn: row.turn,
    message,
    bytes: row.bytes,
    requestId: row.request_id ?? undefined,
    createdAtMs: Number(row.created_at_ms),
  };
}

export function sealBody(conversationId: string, id: string, body: MessageBody, sealer: Sealer) {
  return sealBodyText(conversationId, id, JSON.stringify(body), sealer);
}

/** @param bodyText JSON of a `MessageBody` */
function sealBodyText(conversationId: string, id: string, bodyText: string, sealer: Sealer) {
  const { text, sealedWith } = sealer.seal(bodyText, BODIES.placeOf(conversationId, id));
  return { body: text, sealed_with: sealedWith };
}

/** Messages whose JSON is written before the transaction that stores them. Characters, about. */
const LONG_MESSAGE_CHARS = 64 * 1024;

/**
 * The JSON text of each body that is long, with turns for others in between: what is written in a transaction keeps all
 * waiting who want one. `undefined` for the others.
 */
export async function longBodyTexts(messages: readonly ChatMessage[]): Promise<(string | undefined)[]> {
  const texts: (string | undefined)[] = [];
  for (const message of messages) {
    const body: MessageBody = { message };
    const long = roughJsonLength(body, LONG_MESSAGE_CHARS) > LONG_MESSAGE_CHARS;
    texts.push(long ? await jsonTextInSlices(body) : undefined);
  }
  return texts;
}

/** The place of what was answered, of a stored completion: before what was asked. Its body is the answer's JSON, sealed. */
export const ANSWER_SEQ = 0;

export const ANSWER_COLUMNS = [
  'id',
  'conversation_id',
  'body',
  'sealed_with',
] as const satisfies readonly (keyof ConversationMessagesTable)[];

type AnswerRow = Pick<Selectable<ConversationMessagesTable>, (typeof ANSWER_COLUMNS)[number]>;

/** @throws DomainError `storage_unavailable` when it cannot be opened */
export function toAnswer(row: AnswerRow, sealer: Sealer): string {
  return sealer.open(row.body, row.sealed_with, BODIES.placeOf(row.conversation_id, row.id));
}

/** @returns `undefined`: it cannot be opened */
export function toListedAnswer(row: AnswerRow, sealer: Sealer): string | undefined {
  return sealer.openOfList(row.body, row.sealed_with, BODIES.placeOf(row.conversation_id, row.id));
}

/** @param answer JSON text */
export function toAnswerRow(
  answer: string,
  from: { readonly conversationId: string; readonly requestId: string; readonly atMs: number },
  sealer: Sealer,
): Selectable<ConversationMessagesTable> {
  const id = newMessageId(ANSWER_SEQ);
  const { text, sealedWith } = sealer.seal(answer, BODIES.placeOf(from.conversationId, id));
  return {
    conversation_id: from.conversationId,
    seq: ANSWER_SEQ,
    id,
    turn: 1,
    role: 'assistant',
    bytes: Buffer.byteLength(answer),
    body: text,
    sealed_with: sealedWith,
    request_id: from.requestId,
    created_at_ms: BigInt(from.atMs),
  };
}

/** A message with its place, not stored yet. */
export interface PlacedMessage {
  readonly message: ChatMessage;
  readonly seq: number;
  readonly turn: number;
  /** Its body as JSON, where that was written before. */
  readonly bodyText?: string | undefined;
}

/** The rows of messages that go on a conversation. */
export function toMessageRows(
  placed: readonly PlacedMessage[],
  from: {
    readonly conversationId: string;
    readonly requestId: string | undefined;
    readonly atMs: number;
  },
  sealer: Sealer,
): Selectable<ConversationMessagesTable>[] {
  const atMs = BigInt(from.atMs);
  return placed.map(({ message, seq, turn, bodyText = JSON.stringify({ message }) }) => {
    const id = newMessageId(seq);
    const { body, sealed_with } = sealBodyText(from.conversationId, id, bodyText, sealer);
    return {
      conversation_id: from.conversationId,
      seq,
      id,
      turn,
      role: message.role,
      bytes: messageBytes(message),
      body,
      sealed_with,
      request_id: from.requestId ?? null,
      created_at_ms: atMs,
    };
  });
}

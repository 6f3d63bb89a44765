import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Transaction } from 'kysely';
import { seqOfMessageId } from '../common/ids/ids.js';
import type { Page } from '../common/page.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { messageBytes } from '../contracts/openai/message-texts.js';
import { Database } from '../persistence/database.js';
import { Sealer } from '../persistence/sealer.js';
import type { Tables } from '../persistence/tables.js';
import type { StoredMessage } from './conversation.js';
import { ANSWER_SEQ, MESSAGE_COLUMNS, sealBody, toStoredMessage } from './conversation.row.js';

/** A page of messages, by their place. */
export interface MessagePageRequest {
  readonly order: 'asc' | 'desc';
  /** The place of the last message of the page before, still there or not; `undefined`: from the start. */
  readonly afterSeq?: number | undefined;
  readonly limit: number;
}

/**
 * A page of messages ends early when their rows are longer than this together: a message may hold images of megabytes.
 * Bytes.
 */
export const PAGE_BYTES = 8 * 1024 * 1024;

/** The messages of conversations and stored completions, one by one or in pages. */
@Injectable()
export class StoredMessageRepository {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
  ) {}

  async find(
    accountId: string,
    conversationId: string,
    messageId: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StoredMessage | undefined> {
    const seq = seqOfMessageId(messageId);
    if (seq === undefined) return undefined;
    const row = await db
      .selectFrom('conversation_messages')
      .innerJoin('conversations', 'conversations.id', 'conversation_messages.conversation_id')
      .select([
        'conversation_messages.id',
        'conversation_messages.conversation_id',
        'conversation_messages.seq',
        'conversation_messages.turn',
        'conversation_messages.bytes',
        'conversation_messages.body',
        'conversation_messages.sealed_with',
        'conversation_messages.request_id',
        'conversation_messages.created_at_ms',
      ])
      .where('conversations.account_id', '=', accountId)
      .where('conversations.id', '=', conversationId)
      .where('conversation_messages.seq', '=', seq)
      .where('conversation_messages.id', '=', messageId)
      .executeTakeFirst();
    return row && toStoredMessage(row, this.sealer);
  }

  /** Messages of a conversation whose owner is known; a page ends early where they are very long. */
  async list(
    conversationId: string,
    { order, afterSeq, limit }: MessagePageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredMessage>> {
    const sized = await db
      .selectFrom('conversation_messages')
      .select(['seq', sql<number | bigint>`octet_length(body)`.as('bytes')])
      .where('conversation_id', '=', conversationId)
      .where('seq', '>', order === 'asc' ? (afterSeq ?? ANSWER_SEQ) : ANSWER_SEQ)
      .$if(order === 'desc' && afterSeq !== undefined, (query) => query.where('seq', '<', afterSeq ?? 0))
      .orderBy('seq', order)
      .limit(limit + 1)
      .execute();
    const taken = sized.slice(0, Math.min(limit, leadingWithin(sized, PAGE_BYTES)));
    if (taken.length === 0) return { rows: [], hasMore: false };
    const places = taken.map(({ seq }) => seq);
    const rows = await db
      .selectFrom('conversation_messages')
      .select(MESSAGE_COLUMNS)
      .where('conversation_id', '=', conversationId)
      .where('seq', '>=', Math.min(...places))
      .where('seq', '<=', Math.max(...places))
      .orderBy('seq', order)
      .execute();
    return {
      rows: rows.map((row) => toStoredMessage(row, this.sealer)),
      hasMore: sized.length > taken.length,
    };
  }

  /** @param left what is left of the message; `undefined`: nothing */
  async replace(
    trx: Transaction<Tables>,
    conversationId: string,
    { id, seq }: StoredMessage,
    left: ChatMessage | undefined,
  ): Promise<void> {
    if (left === undefined) {
      await trx
        .deleteFrom('conversation_messages')
        .where('conversation_id', '=', conversationId)
        .where('seq', '=', seq)
        .execute();
      return;
    }
    const body = sealBody(conversationId, id, { message: left }, this.sealer);
    await trx
      .updateTable('conversation_messages')
      .set({ ...body, bytes: messageBytes(left) })
      .where('conversation_id', '=', conversationId)
      .where('seq', '=', seq)
      .execute();
  }
}

/** How many of the first rows are at most so many bytes together; the first one counts, however long it is. */
export function leadingWithin(
  rows: readonly { readonly bytes: number | bigint }[],
  maxBytes: number,
): number {
  let total = 0;
  const over = rows.findIndex(({ bytes }, index) => (total += Number(bytes)) > maxBytes && index > 0);
  return over === -1 ? rows.length : over;
}

import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { conversationKey } from '../common/ids/conversation-key.js';
import { newConversationRowId, seqOfMessageId } from '../common/ids/ids.js';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { messageBytes } from '../contracts/openai/message-texts.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/newest-first.js';
import { Sealer } from '../persistence/sealer.js';
import type { ConversationsTable, Tables } from '../persistence/tables.js';
import { inTransaction } from '../persistence/transaction.js';
import { EMPTY_CHAIN, nextChain } from './chain.js';
import type { Conversation, ConversationHead, StoredMessage } from './conversation.js';
import {
  CONVERSATION_COLUMNS,
  MESSAGE_COLUMNS,
  openHead,
  sealBody,
  sealHead,
  toConversation,
  toMessageRows,
  toStoredMessage,
} from './conversation.row.js';
import { MessageInsert } from './message-insert.js';
import { turnNumbers } from './turn-numbers.js';

/** A conversation that is made by hand: nobody has answered in it yet. */
export interface NewConversation {
  readonly accountId: string;
  readonly title?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly messages: readonly ChatMessage[];
  readonly atMs: number;
}

/** What to change of a conversation; absent: nothing, `null`: remove it. */
export interface HeadChanges {
  readonly title?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, string>> | null | undefined;
}

/** A page of messages, by their place. */
export interface MessagePageRequest {
  readonly order: 'asc' | 'desc';
  /** The place of the last message of the page before, still there or not; `undefined`: from the start. */
  readonly afterSeq?: number | undefined;
  readonly limit: number;
}

/** Runs first in the transaction of a change, and undoes it by throwing. */
export type ChangeGuard = (trx: Transaction<Tables>) => Promise<void>;

/**
 * A page of messages ends early when their rows are longer than this together: a message may hold images of megabytes.
 * Bytes.
 */
const PAGE_BYTES = 8 * 1024 * 1024;

const LOCKED_COLUMNS = [...CONVERSATION_COLUMNS, 'next_seq'] as const;

type LockedRow = Pick<Selectable<ConversationsTable>, (typeof LOCKED_COLUMNS)[number]>;

/**
 * Conversations as their owners list, read and change them. Whatever cannot be opened with the configured keys is
 * `storage_unavailable`.
 */
@Injectable()
export class ConversationRecordsRepository {
  readonly #messages = new MessageInsert();

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
  ) {}

  /** @param id `conv_…`, or the client's own id: the newest then, where several chatbots have one of that name */
  async find(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Conversation | undefined> {
    const row =
      (await this.#ofAccount(db, accountId).where('id', '=', id).executeTakeFirst()) ??
      (await this.#ofAccount(db, accountId)
        .where('client_key', '=', conversationKey(accountId, id))
        .orderBy('created_at_ms', 'desc')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst());
    return row && toConversation(row, this.sealer);
  }

  /** Every conversation that an id may mean: the one with this `conv_…` id, or up to `limit` that clients call so. */
  async listNamed(
    accountId: string,
    id: string,
    limit: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Conversation[]> {
    const row = await this.#ofAccount(db, accountId).where('id', '=', id).executeTakeFirst();
    const rows = row
      ? [row]
      : await this.#ofAccount(db, accountId)
          .where('client_key', '=', conversationKey(accountId, id))
          .limit(limit)
          .execute();
    return rows.map((each) => toConversation(each, this.sealer));
  }

  /** Newest first, unless `order` says otherwise. */
  async list(
    accountId: string,
    {
      chatbotId,
      order = 'desc',
    }: { readonly chatbotId?: string | undefined; readonly order?: 'asc' | 'desc' | undefined },
    { limit, after }: PageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<Conversation>> {
    const rows = await this.#ofAccount(db, accountId)
      .$if(chatbotId !== undefined, (query) => query.where('chatbot_id', '=', chatbotId ?? ''))
      .where(comesAfter(after, order))
      .orderBy('created_at_ms', order)
      .orderBy('id', order)
      .limit(limit + 1)
      .execute();
    return toPage(
      rows.map((row) => toConversation(row, this.sealer)),
      limit,
    );
  }

  /** A conversation for any model; clients know it by its `conv_…` id. */
  async create(conversation: NewConversation): Promise<Conversation> {
    const { accountId, title, metadata, atMs } = conversation;
    const id = newConversationRowId();
    const turns = turnNumbers(conversation.messages, 0);
    const { rows, chain } = toMessageRows(
      conversation.messages.map((message, index) => ({ message, seq: index + 1, turn: turns[index] ?? 1 })),
      { conversationId: id, chain: EMPTY_CHAIN, requestId: undefined, atMs },
      this.sealer,
    );
    return inTransaction(this.database.kysely, async (trx) => {
      const row = await trx
        .insertInto('conversations')
        .values({
          id,
          account_id: accountId,
          chatbot_id: '',
          client_id: id,
          client_key: conversationKey(accountId, id),
          kind: 'conversation',
          model: null,
          ...sealHead(id, { title, metadata, chain }, this.sealer),
          message_count: rows.length,
          turn_count: turns.at(-1) ?? 0,
          next_seq: rows.length + 1,
          version: 1,
          created_at_ms: BigInt(atMs),
          updated_at_ms: BigInt(atMs),
        })
        .returning(CONVERSATION_COLUMNS)
        .executeTakeFirstOrThrow();
      await this.#messages.execute(trx, rows);
      return toConversation(row, this.sealer);
    });
  }

  /** @returns the conversation afterwards; `undefined`: there is none */
  changeHead(accountId: string, id: string, changes: HeadChanges): Promise<Conversation | undefined> {
    return inTransaction(this.database.kysely, async (trx) => {
      const row = await this.#lock(trx, accountId, id);
      if (row === undefined) return undefined;
      const { title, metadata, ...rest } = openHead(row, this.sealer);
      const head: ConversationHead = {
        ...rest,
        title: changes.title === undefined ? title : (changes.title ?? undefined),
        metadata: changes.metadata === undefined ? metadata : (changes.metadata ?? undefined),
      };
      const sealed = sealHead(id, head, this.sealer);
      await trx.updateTable('conversations').set(sealed).where('id', '=', id).execute();
      return toConversation({ ...row, ...sealed }, this.sealer);
    });
  }

  /**
   * Puts messages at the end, as somebody wrote them.
   * @returns them as they are stored; `undefined`: there is no such conversation
   */
  addMessages(
    accountId: string,
    id: string,
    messages: readonly ChatMessage[],
    atMs: number,
    guard?: ChangeGuard,
  ): Promise<StoredMessage[] | undefined> {
    return inTransaction(this.database.kysely, async (trx) => {
      await guard?.(trx);
      const row = await this.#lock(trx, accountId, id);
      if (row === undefined) return undefined;
      const head = openHead(row, this.sealer);
      const turns = turnNumbers(messages, row.turn_count);
      const { rows, chain } = toMessageRows(
        messages.map((message, index) => ({
          message,
          seq: row.next_seq + index,
          turn: turns[index] ?? row.turn_count,
        })),
        { conversationId: id, chain: head.chain, requestId: undefined, atMs },
        this.sealer,
      );
      await this.#messages.execute(trx, rows);
      await trx
        .updateTable('conversations')
        .set({
          ...sealHead(id, { ...head, chain }, this.sealer),
          message_count: row.message_count + rows.length,
          turn_count: turns.at(-1) ?? row.turn_count,
          next_seq: row.next_seq + rows.length,
          version: row.version + 1,
          updated_at_ms: BigInt(atMs),
        })
        .where('id', '=', id)
        .execute();
      return rows.map((added) => toStoredMessage(added, this.sealer));
    });
  }

  async findMessage(
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

  /**
   * Puts a message in the place of another, or erases it; also the summary if that covers it. The digests of those after
   * it are made anew. Answers that say the same are the caller's to erase, and the files' remnants.
   *
   * @param edit what is left of the message; `undefined`: nothing
   * @returns the conversation afterwards; `undefined`: there is no such message
   */
  editMessage(
    accountId: string,
    conversationId: string,
    messageId: string,
    edit: (message: StoredMessage) => ChatMessage | undefined,
    guard?: ChangeGuard,
  ): Promise<Conversation | undefined> {
    return inTransaction(this.database.kysely, async (trx) => {
      await guard?.(trx);
      const row = await this.#lock(trx, accountId, conversationId);
      const found = row && (await this.findMessage(accountId, conversationId, messageId, trx));
      if (row === undefined || found === undefined) return undefined;
      const left = edit(found);
      await this.#replace(trx, conversationId, found, left);
      const { summary, ...head } = openHead(row, this.sealer);
      const covered = summary !== undefined && found.seq <= summary.throughSeq;
      const chain = await this.#chainAnew(trx, conversationId, found.seq);
      const changes = {
        ...sealHead(conversationId, { ...head, chain, summary: covered ? undefined : summary }, this.sealer),
        message_count: row.message_count - (left === undefined ? 1 : 0),
        version: row.version + 1,
      };
      await trx.updateTable('conversations').set(changes).where('id', '=', conversationId).execute();
      return toConversation({ ...row, ...changes }, this.sealer);
    });
  }

  /** Messages of a conversation whose owner is known; a page ends early where they are very long. */
  async listMessages(
    conversationId: string,
    { order, afterSeq, limit }: MessagePageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredMessage>> {
    const sized = await db
      .selectFrom('conversation_messages')
      .select(['seq', sql<number | bigint>`octet_length(body)`.as('bytes')])
      .where('conversation_id', '=', conversationId)
      .$if(afterSeq !== undefined, (query) => query.where('seq', order === 'asc' ? '>' : '<', afterSeq ?? 0))
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

  async #replace(
    trx: Transaction<Tables>,
    conversationId: string,
    { id, seq, chain }: StoredMessage,
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
    const body = sealBody(conversationId, id, { message: left, chain }, this.sealer);
    await trx
      .updateTable('conversation_messages')
      .set({ ...body, bytes: messageBytes(left) })
      .where('conversation_id', '=', conversationId)
      .where('seq', '=', seq)
      .execute();
  }

  /**
   * Makes the digests anew from a place on.
   * @returns the chain of the whole conversation
   */
  async #chainAnew(trx: Transaction<Tables>, conversationId: string, fromSeq: number): Promise<string> {
    const before = await this.listMessages(
      conversationId,
      { order: 'desc', afterSeq: fromSeq, limit: 1 },
      trx,
    );
    let chain = before.rows[0]?.chain ?? EMPTY_CHAIN;
    let afterSeq = fromSeq - 1;
    for (let hasMore = true; hasMore;) {
      const page = await this.listMessages(conversationId, { order: 'asc', afterSeq, limit: 100 }, trx);
      const bodies = page.rows.map(({ id, seq, message }) => {
        chain = nextChain(chain, message);
        afterSeq = seq;
        return { seq, ...sealBody(conversationId, id, { message, chain }, this.sealer) };
      });
      if (bodies.length > 0) await this.#setBodies(trx, conversationId, bodies);
      ({ hasMore } = page);
    }
    return chain;
  }

  /**
   * In one statement, since a conversation may be long and others wait for the transaction.
   * @param bodies in order, at least one
   */
  async #setBodies(
    trx: Transaction<Tables>,
    conversationId: string,
    bodies: readonly { readonly seq: number; readonly body: string; readonly sealed_with: string | null }[],
  ): Promise<void> {
    const rows = bodies.map(
      ({ seq, body, sealed_with }) =>
        sql`(cast(${seq} as integer), cast(${body} as text), cast(${sealed_with} as text))`,
    );
    await sql`
      with anew (seq, body, sealed_with) as (values ${sql.join(rows)})
      update conversation_messages set body = anew.body, sealed_with = anew.sealed_with
      from anew
      where conversation_messages.conversation_id = ${conversationId} and conversation_messages.seq = anew.seq
        and conversation_messages.seq between ${bodies[0]?.seq} and ${bodies.at(-1)?.seq}
    `.execute(trx);
  }

  #ofAccount(db: Kysely<Tables>, accountId: string) {
    return db
      .selectFrom('conversations')
      .select(CONVERSATION_COLUMNS)
      .where('account_id', '=', accountId)
      .where('kind', '=', 'conversation');
  }

  #lock(trx: Transaction<Tables>, accountId: string, id: string): Promise<LockedRow | undefined> {
    return (
      trx
        .selectFrom('conversations')
        .select(LOCKED_COLUMNS)
        .where('account_id', '=', accountId)
        .where('id', '=', id)
        .where('kind', '=', 'conversation')
        // SQLite's one writer holds the whole database; it knows no row locks and needs none.
        .$if(this.database.kind === 'postgres', (query) => query.forUpdate())
        .executeTakeFirst()
    );
  }
}

/** How many of the first rows are at most so many bytes together; the first one counts, however long it is. */
function leadingWithin(rows: readonly { readonly bytes: number | bigint }[], maxBytes: number): number {
  let total = 0;
  const over = rows.findIndex(({ bytes }, index) => (total += Number(bytes)) > maxBytes && index > 0);
  return over === -1 ? rows.length : over;
}

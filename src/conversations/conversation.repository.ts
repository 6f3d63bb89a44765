import { Injectable } from '@nestjs/common';
import type { Kysely, Selectable, Transaction } from 'kysely';
import { conversationKey } from '../common/ids/conversation-key.js';
import { newConversationRowId } from '../common/ids/ids.js';
import { toPage, type Page, type PagePosition, type PageRequest } from '../common/page.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/comes-after.js';
import { Sealer } from '../persistence/sealer.js';
import type { ConversationsTable, Tables } from '../persistence/tables.js';
import { inTransaction } from '../persistence/transaction.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import { chainOver, digestsOf, EMPTY_CHAIN } from './chain.js';
import type { Conversation, ConversationHead, ListedConversation, StoredMessage } from './conversation.js';
import {
  CONVERSATION_COLUMNS,
  openHead,
  sealHead,
  toConversation,
  toListedConversation,
  toMessageRows,
  longBodyTexts,
} from './conversation.row.js';
import { MessageInsert } from './message-insert.js';
import { StoredMessageRepository } from './stored-message.repository.js';
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
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Runs first in the transaction of a change, and undoes it by throwing. */
export type ChangeGuard = (trx: Transaction<Tables>) => Promise<void>;

const LOCKED_COLUMNS = [...CONVERSATION_COLUMNS, 'next_seq'] as const;

type LockedRow = Pick<Selectable<ConversationsTable>, (typeof LOCKED_COLUMNS)[number]>;

/**
 * Conversations as their owners list, read and change them. Whatever cannot be opened with the configured keys is
 * `storage_unavailable`, but for lists of conversations.
 */
@Injectable()
export class ConversationRepository {
  private readonly insert = new MessageInsert();

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly messages: StoredMessageRepository,
    private readonly quotas: StorageQuotasService,
  ) {}

  /** @param id `conv_…` */
  async find(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Conversation | undefined> {
    const row = await this.ofAccount(db, accountId).where('id', '=', id).executeTakeFirst();
    return row && toConversation(row, this.sealer);
  }

  /**
   * The `conv_…` ids that an id may mean: itself, or those of up to `limit` conversations that clients call so. Opens
   * nothing.
   */
  async listIdsNamed(
    accountId: string,
    id: string,
    limit: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<string[]> {
    const position = await this.findPosition(accountId, id, db);
    if (position !== undefined) return [position.id];
    const rows = await this.rowsOf(db, accountId)
      .select('id')
      .where('client_key', '=', conversationKey(accountId, id))
      .limit(limit)
      .execute();
    return rows.map((row) => row.id);
  }

  /**
   * Opens nothing.
   * @param id `conv_…`
   */
  async findPosition(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<PagePosition | undefined> {
    const row = await this.rowsOf(db, accountId)
      .select(['id', 'created_at_ms'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row && { id: row.id, createdAtMs: Number(row.created_at_ms) };
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
  ): Promise<Page<ListedConversation>> {
    const rows = await this.ofAccount(db, accountId)
      .$if(chatbotId !== undefined, (query) => query.where('chatbot_id', '=', chatbotId ?? ''))
      .where(comesAfter(after, order))
      .orderBy('created_at_ms', order)
      .orderBy('id', order)
      .limit(limit + 1)
      .execute();
    return toPage(
      rows.map((row) => toListedConversation(row, this.sealer)),
      limit,
    );
  }

  /**
   * A conversation for any model; clients know it by its `conv_…` id.
   * @throws StorageQuotaError
   */
  async create(conversation: NewConversation): Promise<Conversation> {
    const { accountId, title, metadata, atMs } = conversation;
    const chain = chainOver(EMPTY_CHAIN, await digestsOf(conversation.messages));
    const bodyTexts = await longBodyTexts(conversation.messages);
    const id = newConversationRowId();
    const turns = turnNumbers(conversation.messages, 0, undefined);
    const rows = toMessageRows(
      conversation.messages.map((message, index) => ({
        message,
        bodyText: bodyTexts[index],
        seq: index + 1,
        turn: turns[index] ?? 1,
      })),
      { conversationId: id, requestId: undefined, atMs },
      this.sealer,
    );
    return this.growing(accountId, async (trx) => {
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
      await this.insert.execute(trx, rows);
      return toConversation(row, this.sealer);
    });
  }

  /**
   * @returns the conversation afterwards; `undefined`: there is none
   * @throws StorageQuotaError
   */
  changeHead(accountId: string, id: string, changes: HeadChanges): Promise<Conversation | undefined> {
    return this.growing(accountId, async (trx) => {
      const row = await this.lock(trx, accountId, id);
      if (row === undefined) return undefined;
      const { title, metadata, ...rest } = openHead(row, this.sealer);
      const head: ConversationHead = {
        ...rest,
        title: changes.title === undefined ? title : (changes.title ?? undefined),
        metadata: changes.metadata ?? metadata,
      };
      const sealed = sealHead(id, head, this.sealer);
      await trx.updateTable('conversations').set(sealed).where('id', '=', id).execute();
      return toConversation({ ...row, ...sealed }, this.sealer);
    });
  }

  /**
   * Puts messages at the end, as somebody wrote them.
   * @returns them as they are stored; `undefined`: there is no such conversation
   * @throws StorageQuotaError
   */
  async addMessages(
    accountId: string,
    id: string,
    messages: readonly ChatMessage[],
    atMs: number,
    guard?: ChangeGuard,
  ): Promise<StoredMessage[] | undefined> {
    // Before the transaction: others wait for its end.
    const digests = await digestsOf(messages);
    const bodyTexts = await longBodyTexts(messages);
    return this.growing(accountId, async (trx) => {
      await guard?.(trx);
      const row = await this.lock(trx, accountId, id);
      if (row === undefined) return undefined;
      const head = openHead(row, this.sealer);
      const newest = await trx
        .selectFrom('conversation_messages')
        .select('role')
        .where('conversation_id', '=', id)
        .orderBy('seq', 'desc')
        .limit(1)
        .executeTakeFirst();
      const turns = turnNumbers(messages, row.turn_count, newest?.role);
      const rows = toMessageRows(
        messages.map((message, index) => ({
          message,
          bodyText: bodyTexts[index],
          seq: row.next_seq + index,
          turn: turns[index] ?? row.turn_count,
        })),
        { conversationId: id, requestId: undefined, atMs },
        this.sealer,
      );
      const chain = chainOver(head.chain, digests);
      await this.insert.execute(trx, rows);
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
      return rows.map((added, index) => ({
        id: added.id,
        seq: added.seq,
        turn: added.turn,
        message: messages[index] as ChatMessage,
        bytes: added.bytes,
        requestId: undefined,
        createdAtMs: atMs,
      }));
    });
  }

  /**
   * Puts a message in the place of another, or erases it; also the summary if that covers it, and the digest, which tells
   * whether a guess of what it said is right. Answers that say the same are the caller's to erase, and the files'
   * remnants.
   *
   * @param edit what is left of the message; `undefined`: nothing
   * @param alongside what else is done in the transaction where there is such a message
   * @returns the conversation afterwards; `undefined`: there is no such message
   */
  editMessage(
    accountId: string,
    conversationId: string,
    messageId: string,
    edit: (message: StoredMessage) => ChatMessage | undefined,
    guard?: ChangeGuard,
    alongside?: (trx: Transaction<Tables>) => Promise<void>,
  ): Promise<Conversation | undefined> {
    return this.database.deleting(async (trx) => {
      await this.quotas.lock(trx, accountId);
      await guard?.(trx);
      const row = await this.lock(trx, accountId, conversationId);
      const found = row && (await this.messages.find(accountId, conversationId, messageId, trx));
      if (row === undefined || found === undefined) return undefined;
      const left = edit(found);
      await alongside?.(trx);
      await this.messages.replace(trx, conversationId, found, left);
      const { summary, title, metadata } = openHead(row, this.sealer);
      const covered = summary !== undefined && found.seq <= summary.throughSeq;
      const messageCount = row.message_count - (left === undefined ? 1 : 0);
      const head: ConversationHead = {
        title,
        metadata,
        summary: covered ? undefined : summary,
        chain: messageCount === 0 ? EMPTY_CHAIN : undefined,
      };
      const changes = {
        ...sealHead(conversationId, head, this.sealer),
        message_count: messageCount,
        version: row.version + 1,
      };
      await trx.updateTable('conversations').set(changes).where('id', '=', conversationId).execute();
      return toConversation({ ...row, ...changes }, this.sealer);
    });
  }

  /** @throws StorageQuotaError when the account has no room for it */
  private growing<T>(accountId: string, work: (trx: Transaction<Tables>) => Promise<T>): Promise<T> {
    return inTransaction(this.database.kysely, (trx) => this.quotas.growing(trx, accountId, () => work(trx)));
  }

  private ofAccount(db: Kysely<Tables>, accountId: string) {
    return this.rowsOf(db, accountId).select(CONVERSATION_COLUMNS);
  }

  private rowsOf(db: Kysely<Tables>, accountId: string) {
    return db
      .selectFrom('conversations')
      .where('account_id', '=', accountId)
      .where('kind', '=', 'conversation');
  }

  private lock(trx: Transaction<Tables>, accountId: string, id: string): Promise<LockedRow | undefined> {
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

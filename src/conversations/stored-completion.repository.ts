import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Selectable, type Transaction } from 'kysely';
import { conversationKey } from '../common/ids/conversation-key.js';
import { Slices } from '../common/slices.js';
import { leadingWithin } from '../common/leading-within.js';
import { toPage, type Page, type PagePosition } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/comes-after.js';
import { HEADS } from '../persistence/sealed-column.js';
import { Sealer } from '../persistence/sealer.js';
import type { ConversationsTable, Tables } from '../persistence/tables.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import { inTransaction } from '../persistence/transaction.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import {
  ANSWER_COLUMNS,
  ANSWER_SEQ,
  toAnswerRow,
  toListedAnswer,
  toMessageRows,
} from './conversation.row.js';
import type { StoredMessage } from './conversation.js';
import { MessageInsert } from './message-insert.js';
import type { NewStoredCompletion, StoredCompletion } from './stored-completion.js';
import { PAGE_BYTES, StoredMessageRepository, type MessagePageRequest } from './stored-message.repository.js';

/** Which completions to list: those of one model, those that carry all of these metadata. */
export interface CompletionFilter {
  readonly model?: string | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** A page of completions, by time, ids breaking ties. */
export interface CompletionPageRequest {
  readonly order: 'asc' | 'desc';
  readonly after?: PagePosition | undefined;
  readonly limit: number;
}

/** What the head of a stored completion says, as JSON, sealed. */
interface CompletionHead {
  readonly metadata: Readonly<Record<string, string>>;
  readonly requestId: string;
}

/** One without its answer, which may be long: lists and searches look at many. */
type Unanswered = Omit<StoredCompletion, 'answer'>;

const COLUMNS = ['id', 'account_id', 'model', 'head', 'sealed_with', 'created_at_ms'] as const;

/** Longer answers are opened one by one. Bytes, as they are stored. */
const LONG = 64 * 1024;

/** Rows that a search looks at before others get their turn: metadata are sealed, models are in no index. */
const SEARCHED_AT_ONCE = 100;

type CompletionRow = Pick<Selectable<ConversationsTable>, (typeof COLUMNS)[number]>;

/** Chat completions that were asked to be stored: rows of kind `completion` beside the conversations. */
@Injectable()
export class StoredCompletionRepository {
  private readonly messageInsert = new MessageInsert();

  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly messagesOfAny: StoredMessageRepository,
    private readonly quotas: StorageQuotasService,
  ) {}

  /** In the transaction of the charge. Idempotent by `id`; never throws for what lies in the completion. */
  async store(trx: Transaction<Tables>, completion: NewStoredCompletion): Promise<void> {
    const { id, metadata, answer, requestId, createdAtMs } = completion;
    const rows = toMessageRows(
      completion.messages.map((message, index) => ({ message, seq: index + 1, turn: 1 })),
      { conversationId: id, requestId, atMs: createdAtMs },
      this.sealer,
    );
    const added = await trx
      .insertInto('conversations')
      .values({
        id,
        account_id: completion.accountId,
        chatbot_id: '',
        client_id: id,
        client_key: conversationKey(completion.accountId, id),
        kind: 'completion',
        model: completion.model,
        ...this.seal(id, { metadata, requestId }),
        message_count: rows.length,
        turn_count: 1,
        next_seq: rows.length + 1,
        version: 1,
        created_at_ms: BigInt(createdAtMs),
        updated_at_ms: BigInt(createdAtMs),
      })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id')
      .executeTakeFirst();
    if (added === undefined) return;
    await this.messageInsert.execute(trx, [
      toAnswerRow(answer, { conversationId: id, requestId, atMs: createdAtMs }, this.sealer),
      ...rows,
    ]);
  }

  /** Takes it out again, in the transaction that gives its charge back. */
  async takeBack(trx: Transaction<Tables>, accountId: string, id: string): Promise<void> {
    const stored = await this.ofAccount(trx, accountId).where('id', '=', id).executeTakeFirst();
    if (stored === undefined) return;
    // Before the completion: its row says whose messages these are, for the account's count.
    await trx.deleteFrom('conversation_messages').where('conversation_id', '=', id).execute();
    await trx.deleteFrom('conversations').where('id', '=', id).execute();
  }

  async find(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StoredCompletion | undefined> {
    const row = await this.ofAccount(db, accountId).where('id', '=', id).executeTakeFirst();
    return row && this.answered(this.toUnanswered(row), db);
  }

  /** Opens nothing. @returns how long its answer is as it is stored; `undefined`: there is none */
  async findBytes(accountId: string, id: string): Promise<number | undefined> {
    const row = await this.database.kysely
      .selectFrom('conversations')
      .innerJoin('conversation_messages', 'conversation_messages.conversation_id', 'conversations.id')
      .select(sql<number | bigint>`octet_length(body)`.as('bytes'))
      .where('conversations.account_id', '=', accountId)
      .where('conversations.id', '=', id)
      .where('kind', '=', 'completion')
      .where('seq', '=', ANSWER_SEQ)
      .executeTakeFirst();
    return row && Number(row.bytes);
  }

  /** Opens nothing. */
  async findPosition(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<PagePosition | undefined> {
    const row = await this.ofAccount(db, accountId).where('id', '=', id).executeTakeFirst();
    return row && positionOf(row);
  }

  /** Without those that cannot be opened. A page ends early where its answers are very long. */
  async list(
    accountId: string,
    filter: CompletionFilter,
    page: CompletionPageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredCompletion>> {
    let { after } = page;
    for (;;) {
      const { rows, hasMore, last } = await this.listLeading(accountId, filter, { ...page, after }, db);
      // Clients take an empty page for the end.
      if (rows.length > 0 || !hasMore) return { rows, hasMore };
      after = last;
      await nextTurn();
    }
  }

  /** @returns as many of a page as are not very long together; `last`: where the next part goes on */
  private async listLeading(
    accountId: string,
    filter: CompletionFilter,
    page: CompletionPageRequest,
    db: Kysely<Tables>,
  ): Promise<Page<StoredCompletion> & { readonly last?: PagePosition | undefined }> {
    const { rows, hasMore } = await this.listUnanswered(accountId, filter, page, db);
    if (rows.length === 0) return { rows: [], hasMore };
    const sized = await this.answersOf(rows, db)
      .select(['conversation_id', sql<number | bigint>`octet_length(body)`.as('bytes')])
      .execute();
    const bytesOf = new Map(sized.map(({ conversation_id, bytes }) => [conversation_id, bytes]));
    const withBytes = rows.map(({ id }) => ({ bytes: bytesOf.get(id) ?? 0 }));
    const told = rows.slice(0, leadingWithin(withBytes, PAGE_BYTES));
    const answerOf = await this.openListed(told, bytesOf, db);
    return {
      // One that was erased meanwhile has none any more, and that of another cannot be opened.
      rows: told.flatMap((one) => {
        const answer = answerOf.get(one.id);
        return answer === undefined ? [] : [{ ...one, answer }];
      }),
      hasMore: hasMore || told.length < rows.length,
      last: told.at(-1),
    };
  }

  /** Long answers one by one, with turns for others; without those that cannot be opened or were erased meanwhile. */
  private async openListed(
    told: readonly Unanswered[],
    bytesOf: ReadonlyMap<string, number | bigint>,
    db: Kysely<Tables>,
  ): Promise<ReadonlyMap<string, string | undefined>> {
    const isLong = ({ id }: Unanswered): boolean => Number(bytesOf.get(id) ?? 0) > LONG;
    const short = told.filter((one) => !isLong(one));
    const rows = short.length === 0 ? [] : await this.answersOf(short, db).select(ANSWER_COLUMNS).execute();
    const slices = new Slices(LONG);
    const answerOf = new Map<string, string | undefined>();
    for (const row of rows) {
      answerOf.set(row.conversation_id, toListedAnswer(row, this.sealer));
      await slices.after(row.body.length);
    }
    for (const { id } of told.filter(isLong)) {
      const answer = await this.messagesOfAny.openAnswer(id, db).catch((error: unknown) => {
        // One that cannot be opened keeps nobody from the others; the log tells why.
        if (isStorageUnavailable(error)) return undefined;
        throw error;
      });
      answerOf.set(id, answer);
    }
    return answerOf;
  }

  private async listUnanswered(
    accountId: string,
    { model, metadata }: CompletionFilter,
    { order, after, limit }: CompletionPageRequest,
    db: Kysely<Tables>,
  ): Promise<Page<Unanswered>> {
    const wanted = Object.entries(metadata ?? {});
    let pageSize = wanted.length === 0 && model === undefined ? limit + 1 : SEARCHED_AT_ONCE;
    const found: Unanswered[] = [];
    let position = after;
    for (;;) {
      const rows = await this.ofAccount(db, accountId)
        .where(comesAfter(position, order))
        .orderBy('created_at_ms', order)
        .orderBy('id', order)
        .limit(pageSize)
        .execute();
      for (const row of rows) {
        if (model !== undefined && row.model !== model) continue;
        const head = this.sealer.openOfList(row.head, row.sealed_with, HEADS.placeOf(row.id));
        const one = head === undefined ? undefined : toUnanswered(row, head);
        if (one && wanted.every(([name, value]) => one.metadata[name] === value)) found.push(one);
      }
      const last = rows.at(-1);
      position = last && positionOf(last);
      if (found.length > limit || rows.length < pageSize) return toPage(found.slice(0, limit + 1), limit);
      pageSize = SEARCHED_AT_ONCE;
      await nextTurn();
    }
  }

  /**
   * @returns false: there is none
   * @throws StorageQuotaError
   */
  changeMetadata(
    accountId: string,
    id: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    return inTransaction(this.database.kysely, (trx) =>
      this.quotas.growing(trx, accountId, () => this.replaceMetadata(trx, accountId, id, metadata)),
    );
  }

  private async replaceMetadata(
    trx: Transaction<Tables>,
    accountId: string,
    id: string,
    metadata: Readonly<Record<string, string>>,
  ): Promise<boolean> {
    const row = await this.ofAccount(trx, accountId)
      .where('id', '=', id)
      .$if(this.database.kind === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst();
    if (row === undefined) return false;
    const { requestId } = this.toUnanswered(row);
    const sealed = this.seal(id, { metadata, requestId });
    await trx.updateTable('conversations').set(sealed).where('id', '=', id).execute();
    return true;
  }

  /** How long a page of what was asked is as it is stored, in bytes. */
  messagesBytes(id: string, page: MessagePageRequest): Promise<number> {
    return this.messagesOfAny.pageBytes(id, page);
  }

  /** What was asked, system messages included; of a completion whose owner is known. */
  messages(id: string, page: MessagePageRequest): Promise<Page<StoredMessage>> {
    return this.messagesOfAny.list(id, page);
  }

  private ofAccount(db: Kysely<Tables>, accountId: string) {
    return db
      .selectFrom('conversations')
      .select(COLUMNS)
      .where('account_id', '=', accountId)
      .where('kind', '=', 'completion');
  }

  private answersOf(completions: readonly Unanswered[], db: Kysely<Tables>) {
    return db
      .selectFrom('conversation_messages')
      .where('seq', '=', ANSWER_SEQ)
      .where(
        'conversation_id',
        'in',
        completions.map(({ id }) => id),
      );
  }

  private async answered(completion: Unanswered, db: Kysely<Tables>): Promise<StoredCompletion | undefined> {
    const answer = await this.messagesOfAny.openAnswer(completion.id, db);
    return answer === undefined ? undefined : { ...completion, answer };
  }

  private toUnanswered(row: CompletionRow): Unanswered {
    return toUnanswered(row, this.sealer.open(row.head, row.sealed_with, HEADS.placeOf(row.id)));
  }

  private seal(id: string, head: CompletionHead) {
    const { text, sealedWith } = this.sealer.seal(JSON.stringify(head), HEADS.placeOf(id));
    return { head: text, sealed_with: sealedWith };
  }
}

/** @param head opened */
function toUnanswered(row: CompletionRow, head: string): Unanswered {
  return {
    id: row.id,
    accountId: row.account_id,
    model: row.model ?? '',
    ...(JSON.parse(head) as CompletionHead),
    createdAtMs: Number(row.created_at_ms),
  };
}

function positionOf({ id, created_at_ms }: CompletionRow): PagePosition {
  return { id, createdAtMs: Number(created_at_ms) };
}

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Transaction } from 'kysely';
import { ByteGate } from '../common/byte-gate.js';
import { leadingWithin } from '../common/leading-within.js';
import { seqOfMessageId } from '../common/ids/ids.js';
import type { Page } from '../common/page.js';
import { Slices } from '../common/slices.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { messageBytes } from '../contracts/openai/message-texts.js';
import { Database } from '../persistence/database.js';
import { BODIES } from '../persistence/sealed-column.js';
import { Sealer } from '../persistence/sealer.js';
import type { Tables } from '../persistence/tables.js';
import type { StoredMessage } from './conversation.js';
import { ANSWER_SEQ, MESSAGE_COLUMNS, sealBody, toAnswer, toStoredMessage } from './conversation.row.js';

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

/** Rows up to this length together are opened at once; longer ones one by one, with turns for others. Bytes. */
const OPENED_AT_ONCE = 128 * 1024;

/** Longer than a statement on another thread costs; shorter bodies come with their rows. Bytes. */
const LONG = 64 * 1024;

/** What is being opened at a time, whoever asks for it, as it is stored: each takes a few times as much memory. Bytes. */
const MOST_OPENED = 64 * 1024 * 1024;

type MessageRow = Parameters<typeof toStoredMessage>[0];

/** One whose body is read by itself where it is long. */
type SizedRow = Omit<MessageRow, 'body'> & { readonly body: string | null; readonly octets: number | bigint };

const SIZED_COLUMNS = [
  ...MESSAGE_COLUMNS.filter((column) => column !== 'body').map((column) => sql.ref(`m.${column}`)),
  sql`octet_length(m.body) as octets`,
  sql`case when octet_length(m.body) <= ${sql.lit(LONG)} then m.body end as body`,
];

/** The messages of conversations and stored completions, one by one or in pages. */
@Injectable()
export class StoredMessageRepository {
  private readonly gate = new ByteGate(MOST_OPENED);

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
    const row = await this.findSized(accountId, conversationId, messageId, db);
    const [message] = row === undefined ? [] : await this.openAll([row], db);
    return message;
  }

  /** Opens nothing. @returns how long it is as it is stored; `undefined`: there is none */
  async findBytes(accountId: string, conversationId: string, messageId: string): Promise<number | undefined> {
    const row = await this.findSized(accountId, conversationId, messageId, this.database.kysely);
    return row && Number(row.octets);
  }

  private async findSized(
    accountId: string,
    conversationId: string,
    messageId: string,
    db: Kysely<Tables>,
  ): Promise<SizedRow | undefined> {
    const seq = seqOfMessageId(messageId);
    if (seq === undefined) return undefined;
    const { rows } = await sql<SizedRow>`
      select ${sql.join(SIZED_COLUMNS)}
      from conversations c join conversation_messages m on m.conversation_id = c.id
      where c.account_id = ${accountId} and c.id = ${conversationId} and m.seq = ${seq} and m.id = ${messageId}`.execute(
      db,
    );
    return rows[0];
  }

  /** Messages of a conversation whose owner is known; a page ends early where they are very long. */
  async list(
    conversationId: string,
    { order, afterSeq, limit }: MessagePageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredMessage>> {
    const { taken, hasMore } = await this.sized(conversationId, { order, afterSeq, limit }, db);
    if (taken.length === 0) return { rows: [], hasMore: false };
    const places = taken.map(({ seq }) => seq);
    const { rows } = await sql<SizedRow>`
      select ${sql.join(SIZED_COLUMNS)} from conversation_messages m
      where m.conversation_id = ${conversationId}
        and m.seq >= ${Math.min(...places)} and m.seq <= ${Math.max(...places)}
      order by m.seq ${sql.raw(order)}`.execute(db);
    return { rows: await this.openAll(rows, db), hasMore };
  }

  /** As long as what a page of `list` holds is as it is stored, in bytes. Opens nothing. */
  async pageBytes(conversationId: string, page: MessagePageRequest): Promise<number> {
    const { taken } = await this.sized(conversationId, page, this.database.kysely);
    return taken.reduce((sum, { bytes }) => sum + Number(bytes), 0);
  }

  private async sized(
    conversationId: string,
    { order, afterSeq, limit }: MessagePageRequest,
    db: Kysely<Tables>,
  ): Promise<{ taken: { seq: number; bytes: number | bigint }[]; hasMore: boolean }> {
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
    return { taken, hasMore: sized.length > taken.length };
  }

  /** Messages in the order of their rows; those that were erased meanwhile are not among them. */
  private async openAll(rows: readonly SizedRow[], db: Kysely<Tables>): Promise<StoredMessage[]> {
    const octets = rows.reduce((sum, row) => sum + Number(row.octets), 0);
    if (octets <= OPENED_AT_ONCE && rows.every(({ body }) => body !== null)) {
      return rows.map((row) => toStoredMessage({ ...row, body: row.body ?? '' }, this.sealer));
    }
    // Whoever is in a transaction keeps others waiting, and must not wait for them.
    if (db !== this.database.kysely) return this.openEach(rows, db);
    return this.gate.during(octets, () => this.openEach(rows, this.database.texts));
  }

  private async openEach(rows: readonly SizedRow[], db: Kysely<Tables>): Promise<StoredMessage[]> {
    const slices = new Slices(OPENED_AT_ONCE);
    const messages: StoredMessage[] = [];
    for (const row of rows) {
      const message =
        row.body === null
          ? await this.openLong(row, db)
          : toStoredMessage({ ...row, body: row.body }, this.sealer);
      if (message !== undefined) messages.push(message);
      await slices.after(Number(row.octets));
    }
    return messages;
  }

  private async openLong(row: SizedRow, db: Kysely<Tables>): Promise<StoredMessage | undefined> {
    const text = await this.openText(row, db);
    if (text === undefined) return undefined;
    const message = toStoredMessage({ ...row, body: text, sealed_with: null }, this.sealer);
    await nextTurn();
    return message;
  }

  /** @returns `undefined`: it was erased meanwhile */
  private async openText(row: SizedRow, db: Kysely<Tables>): Promise<string | undefined> {
    const body = await readLong(this.database.kind, row.conversation_id, row.seq, db);
    if (body === undefined) return undefined;
    const place = BODIES.placeOf(row.conversation_id, row.id);
    return this.sealer.openLong(body.text, body.sealedWith, place);
  }

  /**
   * The answer of a stored completion whose owner is known, as it was given.
   * @returns JSON text; `undefined`: there is none
   * @throws DomainError `storage_unavailable` when it cannot be opened
   */
  async openAnswer(
    completionId: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<string | undefined> {
    const { rows } = await sql<SizedRow>`
      select ${sql.join(SIZED_COLUMNS)} from conversation_messages m
      where m.conversation_id = ${completionId} and m.seq = ${ANSWER_SEQ}`.execute(db);
    const [row] = rows;
    if (row === undefined) return undefined;
    if (row.body !== null) return toAnswer({ ...row, body: row.body }, this.sealer);
    if (db !== this.database.kysely) return this.openText(row, db);
    return this.gate.during(Number(row.octets), () => this.openText(row, this.database.texts));
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

/**
 * A body of megabytes as it is stored, and what it is sealed with: both of the same moment. SQLite gives it as bytes, which
 * change threads uncopied.
 */
export async function readLong(
  kind: Database['kind'],
  conversationId: string,
  seq: number,
  db: Kysely<Tables>,
): Promise<{ text: string | Uint8Array; sealedWith: string | null } | undefined> {
  const body = sql<string | Uint8Array>`${sql.raw(kind === 'sqlite' ? 'cast(body as blob)' : 'body')}`;
  const row = await db
    .selectFrom('conversation_messages')
    .select([body.as('text'), 'sealed_with'])
    .where('conversation_id', '=', conversationId)
    .where('seq', '=', seq)
    .executeTakeFirst();
  return row && { text: row.text, sealedWith: row.sealed_with };
}

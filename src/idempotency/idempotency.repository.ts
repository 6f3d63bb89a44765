import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { conversationKey } from '../common/ids/conversation-key.js';
import { leadingWithin } from '../common/leading-within.js';
import { Database } from '../persistence/database.js';
import { KEPT_ANSWERS } from '../persistence/sealed-column.js';
import { Sealer } from '../persistence/sealer.js';
import { ExecutionLostError } from './idempotency.errors.js';
import type { Tables } from '../persistence/tables.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';

/** Of an erased answer: a digest of what was asked would tell a short question to whoever guesses it. */
const ERASED = '0'.repeat(64);

/** Of an answer that was too long to be kept. */
const NOT_KEPT = '1'.repeat(64);

/** Columns of an answer of which nothing is left but that there was one. */
const NOTHING_LEFT = {
  // Not null: that would say that the first execution has not ended.
  body: '',
  sealed_with: null,
  fingerprint: ERASED,
  conversation_id: null,
  conversation_key: null,
};

/** Answers of up to 8 million characters each. */
const LOOKED_AT_ONCE = 50;
/** Of one transaction: an embedded database does nothing else meanwhile. */
const BYTES_AT_ONCE = 4 * 1024 * 1024;

const BODY_BYTES = sql<number | bigint>`coalesce(octet_length(body), 0)`.as('bytes');

/** An execution under way. */
type ExecutionName = Pick<IdempotencyRecord, 'accountId' | 'idempotencyKey' | 'requestId'>;

/** The first execution of an account's idempotency key: under way, or with the answer that it gave. */
export interface IdempotencyRecord {
  readonly accountId: string;
  readonly idempotencyKey: string;
  /** Hex SHA-256 of what was asked. */
  readonly fingerprint: string;
  /** The process that executes or executed it. */
  readonly owner: string;
  readonly requestId: string;
  /** `erased` and `not kept`: there was an answer, of which nothing else is left. */
  readonly state: 'running' | 'kept' | 'erased' | 'not kept';
  /** Of the answer as it is stored; 0 where there is none. */
  readonly storedBytes: number;
  readonly conversationId: string | undefined;
  readonly createdAtMs: number;
}

@Injectable()
export class IdempotencyRepository {
  constructor(
    private readonly database: Database,
    private readonly sealer: Sealer,
    private readonly quotas: StorageQuotasService,
  ) {}

  /** @returns false when the key is taken; nothing is changed then */
  async insert(
    record: Omit<IdempotencyRecord, 'state' | 'storedBytes' | 'conversationId'>,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<boolean> {
    const added = await db
      .insertInto('idempotency_records')
      .values({
        account_id: record.accountId,
        idempotency_key: record.idempotencyKey,
        fingerprint: record.fingerprint,
        owner: record.owner,
        request_id: record.requestId,
        created_at_ms: BigInt(record.createdAtMs),
      })
      .onConflict((conflict) => conflict.columns(['account_id', 'idempotency_key']).doNothing())
      .returning('idempotency_key')
      .executeTakeFirst();
    return added !== undefined;
  }

  async find(
    accountId: string,
    idempotencyKey: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<IdempotencyRecord | undefined> {
    const row = await db
      .selectFrom('idempotency_records')
      .select([
        'account_id',
        'idempotency_key',
        'fingerprint',
        'owner',
        'request_id',
        'conversation_id',
        'created_at_ms',
        sql<bigint | number | null>`octet_length(body)`.as('stored_bytes'),
      ])
      .where('account_id', '=', accountId)
      .where('idempotency_key', '=', idempotencyKey)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      accountId: row.account_id,
      idempotencyKey: row.idempotency_key,
      fingerprint: row.fingerprint,
      owner: row.owner,
      requestId: row.request_id,
      state: stateOf(row.fingerprint, row.stored_bytes !== null),
      storedBytes: Number(row.stored_bytes ?? 0),
      conversationId: row.conversation_id ?? undefined,
      createdAtMs: Number(row.created_at_ms),
    };
  }

  /**
   * The kept answer of an execution as it was sent, JSON or frames.
   *
   * @returns `undefined`: it was erased meanwhile
   * @throws DomainError `storage_unavailable` when the answer cannot be opened with the configured keys
   */
  async findBody({ accountId, idempotencyKey, requestId }: ExecutionName): Promise<string | undefined> {
    const row = await this.database.kysely
      .selectFrom('idempotency_records')
      .select(['body', 'sealed_with'])
      .where('account_id', '=', accountId)
      .where('idempotency_key', '=', idempotencyKey)
      .where('request_id', '=', requestId)
      .where('fingerprint', 'not in', [ERASED, NOT_KEPT])
      .executeTakeFirst();
    if (!row || row.body === null) return undefined;
    return this.sealer.open(row.body, row.sealed_with, KEPT_ANSWERS.placeOf(accountId, idempotencyKey));
  }

  /**
   * Keeps the answer of the execution that `requestId` names. Where this comes again after the answer was erased, it stays
   * so.
   *
   * @param answer `body` is `undefined` for an answer that is too long to be kept: what is kept is that there was one
   * @throws ExecutionLostError when that is no longer the one under way: this process was taken for dead, and its
   *   answer must not be charged beside that of the next
   */
  async keep(
    db: Kysely<Tables>,
    { accountId, idempotencyKey, requestId }: ExecutionName,
    {
      body,
      conversationId,
    }: { readonly body: string | undefined; readonly conversationId: string | undefined },
  ): Promise<void> {
    const sealed =
      body === undefined
        ? { text: '', sealedWith: null }
        : this.sealer.seal(body, KEPT_ANSWERS.placeOf(accountId, idempotencyKey));
    const { numUpdatedRows } = await db
      .updateTable('idempotency_records')
      .set({
        body: sealed.text,
        sealed_with: sealed.sealedWith,
        ...(body === undefined ? { fingerprint: NOT_KEPT } : {}),
        conversation_id: conversationId ?? null,
        conversation_key: conversationId === undefined ? null : conversationKey(accountId, conversationId),
      })
      .where('account_id', '=', accountId)
      .where('idempotency_key', '=', idempotencyKey)
      .where('request_id', '=', requestId)
      .where('fingerprint', '!=', ERASED)
      .executeTakeFirstOrThrow();
    if (numUpdatedRows > 0n) return;
    const found = await this.find(accountId, idempotencyKey, db);
    if (found?.requestId !== requestId) throw new ExecutionLostError();
  }

  /** Forgets an execution that has no answer to keep. */
  async removeUnfinished(
    accountId: string,
    idempotencyKey: string,
    requestId: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<void> {
    await db
      .deleteFrom('idempotency_records')
      .where('account_id', '=', accountId)
      .where('idempotency_key', '=', idempotencyKey)
      .where('request_id', '=', requestId)
      .where('body', 'is', null)
      .execute();
  }

  /**
   * Some at a time, and those of one account in a transaction of their own: what two accounts have is never locked by one
   * transaction that has not locked both accounts.
   */
  async removeOlderThan(createdBeforeMs: number): Promise<number> {
    let removed = 0;
    for (;;) {
      const oldest = await this.database.kysely
        .selectFrom('idempotency_records')
        .select(['account_id', 'idempotency_key', BODY_BYTES])
        .where('created_at_ms', '<', BigInt(createdBeforeMs))
        .orderBy('created_at_ms')
        .limit(LOOKED_AT_ONCE)
        .execute();
      if (oldest.length === 0) return removed;
      const some = oldest.slice(0, leadingWithin(oldest, BYTES_AT_ONCE));
      for (const [accountId, rows] of Map.groupBy(some, (row) => row.account_id)) {
        const keys = rows.map(({ idempotency_key }) => idempotency_key);
        const { numDeletedRows } = await this.database.deleting(async (trx) => {
          await this.quotas.lock(trx, accountId);
          return trx
            .deleteFrom('idempotency_records')
            .where('account_id', '=', accountId)
            .where('idempotency_key', 'in', keys)
            .where('created_at_ms', '<', BigInt(createdBeforeMs))
            .executeTakeFirstOrThrow();
        });
        removed += Number(numDeletedRows);
        await nextTurn();
      }
    }
  }

  /**
   * Erases what answers to requests of an account say, and what was asked: those in any of these conversations, by the
   * ids that their clients named them by, and those to these requests. That there was an answer stays as long as the
   * answer would have.
   */
  async eraseAnswers(
    accountId: string,
    { conversationIds, requestIds }: { conversationIds: readonly string[]; requestIds: readonly string[] },
    db: Kysely<Tables>,
  ): Promise<void> {
    const keys = conversationIds.map((id) => conversationKey(accountId, id));
    for (const [column, values] of [
      ['conversation_key', keys],
      ['request_id', requestIds],
    ] as const) {
      if (values.length === 0) continue;
      await db
        .updateTable('idempotency_records')
        .set(NOTHING_LEFT)
        .where(column, 'in', [...new Set(values)])
        .where('account_id', '=', accountId)
        .where('body', 'is not', null)
        .execute();
    }
  }

  /**
   * Erases those in any of these conversations some at a time, until what is left is little enough for the transaction that
   * erases the conversation.
   */
  async eraseMostAnswers(accountId: string, conversationIds: readonly string[]): Promise<void> {
    const names = conversationIds.map((id) => conversationKey(accountId, id));
    const listed = (db: Kysely<Tables>) =>
      db
        .selectFrom('idempotency_records')
        .select(['idempotency_key', BODY_BYTES])
        .where('conversation_key', 'in', [...new Set(names)])
        .where('account_id', '=', accountId)
        .where('body', 'is not', null)
        .limit(LOOKED_AT_ONCE);
    for (;;) {
      const rows = await listed(this.database.kysely).execute();
      if (rows.length < LOOKED_AT_ONCE && leadingWithin(rows, BYTES_AT_ONCE) === rows.length) return;
      await this.database.deleting(async (trx) => {
        await this.quotas.lock(trx, accountId);
        const found = await listed(trx).execute();
        const some = found.slice(0, leadingWithin(found, BYTES_AT_ONCE));
        if (some.length === 0) return;
        await trx
          .updateTable('idempotency_records')
          .set(NOTHING_LEFT)
          .where('account_id', '=', accountId)
          .where(
            'idempotency_key',
            'in',
            some.map(({ idempotency_key }) => idempotency_key),
          )
          .execute();
      });
      await nextTurn();
    }
  }

  /**
   * Erases what the answers to all requests of an account say, some at a time.
   * @returns how many
   */
  async eraseAllAnswers(accountId: string): Promise<number> {
    let erased = 0;
    let after = '';
    for (;;) {
      const { count, last } = await this.database.deleting(async (trx) => {
        await this.quotas.lock(trx, accountId);
        const rows = await trx
          .selectFrom('idempotency_records')
          .select(['idempotency_key', BODY_BYTES])
          .where('account_id', '=', accountId)
          .where('idempotency_key', '>', after)
          .orderBy('idempotency_key')
          .limit(LOOKED_AT_ONCE)
          .execute();
        const some = rows.slice(0, leadingWithin(rows, BYTES_AT_ONCE));
        const keys = some.map(({ idempotency_key }) => idempotency_key);
        if (keys.length === 0) return { count: 0n, last: undefined };
        const { numUpdatedRows } = await trx
          .updateTable('idempotency_records')
          .set(NOTHING_LEFT)
          .where('account_id', '=', accountId)
          .where('idempotency_key', 'in', keys)
          .where('body', 'is not', null)
          .where('fingerprint', '!=', ERASED)
          .executeTakeFirstOrThrow();
        return { count: numUpdatedRows, last: keys.at(-1) };
      });
      if (last === undefined) return erased;
      erased += Number(count);
      after = last;
      await nextTurn();
    }
  }

  async remove(record: IdempotencyRecord, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .deleteFrom('idempotency_records')
      .where('account_id', '=', record.accountId)
      .where('idempotency_key', '=', record.idempotencyKey)
      .where('request_id', '=', record.requestId)
      .execute();
  }
}

/** @param ended whether an answer was given */
function stateOf(fingerprint: string, ended: boolean): IdempotencyRecord['state'] {
  if (fingerprint === ERASED) return 'erased';
  if (fingerprint === NOT_KEPT) return 'not kept';
  return ended ? 'kept' : 'running';
}

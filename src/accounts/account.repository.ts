import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Selectable, type Updateable } from 'kysely';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/comes-after.js';
import type { AccountsTable, Tables } from '../persistence/tables.js';
import { LIMIT_FIELDS, type LimitField, type StorageChanges } from '../quotas/storage-limits.js';

export interface Account {
  /** `acct_…` */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** `undefined`: active. The keys of a suspended account are refused. */
  readonly suspendedAtMs?: number | undefined;
  /** Days that conversations are kept after their last turn or added item; 0: nothing is stored; `undefined`: until deleted. */
  readonly conversationRetentionDays?: number | undefined;
}

export interface StoredAccount extends Account {
  /** Raised by every change. */
  readonly version: number;
}

/** What to change of an account; absent: nothing. */
export interface AccountChanges {
  readonly name?: string | undefined;
  /** `null`: active again. */
  readonly suspendedAtMs?: number | null | undefined;
  /** `null`: until deleted. */
  readonly conversationRetentionDays?: number | null | undefined;
  /** The most that it may store; `null`: the configured default. */
  readonly limits?: StorageChanges | undefined;
}

/** An account that does not keep conversations until they are deleted. */
export interface AccountRetention {
  readonly id: string;
  readonly days: number;
}

const COLUMNS = [
  'id',
  'name',
  'created_at_ms',
  'version',
  'suspended_at_ms',
  'conversation_retention_days',
] as const;

/** Last parameter of each method: the transaction to take part in. */
@Injectable()
export class AccountRepository {
  constructor(private readonly database: Database) {}

  async insert(account: Account, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('accounts')
      .values({
        id: account.id,
        name: account.name,
        created_at_ms: BigInt(account.createdAtMs),
        conversation_retention_days: account.conversationRetentionDays ?? null,
      })
      .execute();
  }

  async find(id: string, db: Kysely<Tables> = this.database.kysely): Promise<StoredAccount | undefined> {
    const row = await db.selectFrom('accounts').select(COLUMNS).where('id', '=', id).executeTakeFirst();
    return row && toAccount(row);
  }

  /** Newest first. */
  async list(
    { limit, after }: PageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredAccount>> {
    const rows = await db
      .selectFrom('accounts')
      .select(COLUMNS)
      .where(comesAfter(after))
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows.map(toAccount), limit);
  }

  /**
   * @param expectedVersion `undefined`: whatever it is
   * @returns the account afterwards; `undefined` when there is none with this id and version
   */
  async update(
    id: string,
    { name, suspendedAtMs, conversationRetentionDays, limits = {} }: AccountChanges,
    expectedVersion: number | undefined,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StoredAccount | undefined> {
    const row = await db
      .updateTable('accounts')
      .set({
        version: sql`version + 1`,
        ...(name !== undefined && { name }),
        ...(suspendedAtMs !== undefined && {
          suspended_at_ms: suspendedAtMs === null ? null : BigInt(suspendedAtMs),
        }),
        ...(conversationRetentionDays !== undefined && {
          conversation_retention_days: conversationRetentionDays,
        }),
        ...columnsOf(limits),
      })
      .where('id', '=', id)
      .$if(expectedVersion !== undefined, (query) => query.where('version', '=', expectedVersion ?? 0))
      .returning(COLUMNS)
      .executeTakeFirst();
    return row && toAccount(row);
  }

  /** By id, those after `afterId`. */
  async listRetentions(
    afterId: string,
    limit: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<AccountRetention[]> {
    const rows = await db
      .selectFrom('accounts')
      .select(['id', 'conversation_retention_days'])
      .where('conversation_retention_days', 'is not', null)
      .where('id', '>', afterId)
      .orderBy('id')
      .limit(limit)
      .execute();
    return rows.map((row) => ({ id: row.id, days: Number(row.conversation_retention_days) }));
  }
}

function toAccount(row: Pick<Selectable<AccountsTable>, (typeof COLUMNS)[number]>): StoredAccount {
  return {
    id: row.id,
    name: row.name,
    createdAtMs: Number(row.created_at_ms),
    version: row.version,
    suspendedAtMs: row.suspended_at_ms === null ? undefined : Number(row.suspended_at_ms),
    conversationRetentionDays: row.conversation_retention_days ?? undefined,
  };
}

function columnsOf(limits: StorageChanges): Updateable<AccountsTable> {
  const columns: Updateable<AccountsTable> = {};
  for (const [limit, column] of Object.entries(LIMIT_FIELDS) as [keyof StorageChanges, LimitField][]) {
    const most = limits[limit];
    if (most !== undefined) columns[column] = most === null ? null : BigInt(most);
  }
  return columns;
}

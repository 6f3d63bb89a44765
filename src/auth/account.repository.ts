import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type Selectable } from 'kysely';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/newest-first.js';
import type { AccountsTable, Tables } from '../persistence/tables.js';

export interface Account {
  /** `acct_…` */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
  /** `undefined`: active. The keys of a suspended account are refused. */
  readonly suspendedAtMs?: number | undefined;
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
}

const COLUMNS = ['id', 'name', 'created_at_ms', 'version', 'suspended_at_ms'] as const;

/** Last parameter of each method: the transaction to take part in. */
@Injectable()
export class AccountRepository {
  constructor(private readonly database: Database) {}

  async insert(account: Account, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('accounts')
      .values({ id: account.id, name: account.name, created_at_ms: BigInt(account.createdAtMs) })
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
    { name, suspendedAtMs }: AccountChanges,
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
      })
      .where('id', '=', id)
      .$if(expectedVersion !== undefined, (query) => query.where('version', '=', expectedVersion ?? 0))
      .returning(COLUMNS)
      .executeTakeFirst();
    return row && toAccount(row);
  }
}

function toAccount(row: Pick<Selectable<AccountsTable>, (typeof COLUMNS)[number]>): StoredAccount {
  return {
    id: row.id,
    name: row.name,
    createdAtMs: Number(row.created_at_ms),
    version: row.version,
    suspendedAtMs: row.suspended_at_ms === null ? undefined : Number(row.suspended_at_ms),
  };
}

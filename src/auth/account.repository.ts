import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';

export interface Account {
  /** `acct_…` */
  readonly id: string;
  readonly name: string;
  readonly createdAtMs: number;
}

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

  async find(id: string, db: Kysely<Tables> = this.database.kysely): Promise<Account | undefined> {
    const row = await db
      .selectFrom('accounts')
      .select(['id', 'name', 'created_at_ms'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row && { id: row.id, name: row.name, createdAtMs: Number(row.created_at_ms) };
  }
}

import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Database } from './database.js';
import type { Tables } from './tables.js';

/** The installation's own few facts, by name: what every process must agree on, most of it decided by the first boot. */
@Injectable()
export class SettingsRepository {
  constructor(private readonly database: Database) {}

  async find(key: string, db: Kysely<Tables> = this.database.kysely): Promise<string | undefined> {
    const row = await db.selectFrom('settings').select('value').where('key', '=', key).executeTakeFirst();
    return row?.value;
  }

  /**
   * First writer wins, also among processes that start at the same time. In a transaction on PostgreSQL the losers wait
   * here until the winner has committed, so what the winner wrote beside the setting is there when they go on.
   *
   * @returns true when this call stored the value; false when there was one, which stays
   */
  async putIfAbsent(key: string, value: string, db: Kysely<Tables> = this.database.kysely): Promise<boolean> {
    const added = await db
      .insertInto('settings')
      .values({ key, value })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .returning('key')
      .executeTakeFirst();
    return added !== undefined;
  }

  /** Last writer wins. */
  async put(key: string, value: string, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('settings')
      .values({ key, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
  }
}

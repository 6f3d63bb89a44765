import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Attempts that failed before a request ended, so that its story can tell them. */
export const failedAttempts: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema.alterTable('usage_records').addColumn('failed_attempts', 'text').execute();
  },
};

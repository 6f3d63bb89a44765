import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Conversations that are gone, but for messages that were too many for the transaction that erased them. */
export const erasures: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('erasures')
      .addColumn('conversation_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .execute();
  },
};

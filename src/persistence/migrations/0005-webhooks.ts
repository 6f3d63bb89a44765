import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** The outbox: what the operator's receiver is to be told, written with the change that it tells of. */
export const webhooks: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('webhook_events')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('attempts', 'integer', (column) => column.notNull())
      .addColumn('due_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('last_failure', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint('webhook_events_state', sql`state in ('pending', 'delivered', 'given_up')`)
      .addCheckConstraint('webhook_events_attempts_not_negative', sql`attempts >= 0`)
      .execute();
    await sql`create index webhook_events_due on webhook_events (due_at_ms) where state = 'pending'`.execute(
      db,
    );
    await sql`
      create index webhook_events_done on webhook_events (created_at_ms) where state <> 'pending'`.execute(
      db,
    );
  },
};

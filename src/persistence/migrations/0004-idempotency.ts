import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Answers that are kept for a day, so that a retry with the same `Idempotency-Key` gets the first one and pays once. */
export const idempotency: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('idempotency_records')
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('idempotency_key', 'text', (column) => column.notNull())
      .addColumn('fingerprint', 'text', (column) => column.notNull())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('body', 'text')
      .addColumn('conversation_id', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('idempotency_records_pk', ['account_id', 'idempotency_key'])
      .addCheckConstraint('idempotency_records_fingerprint', sql`length(fingerprint) = 64`)
      .execute();
    await db.schema
      .createIndex('idempotency_records_by_age')
      .on('idempotency_records')
      .column('created_at_ms')
      .execute();
  },
};

import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What keys may carry besides rates: budgets, concurrency, addresses, a second secret while one is rotated; versions
 * against lost updates; and the indices that operators' lists walk along.
 */
export const keyLimits: Migration = {
  async up(db: Kysely<unknown>) {
    // One column a statement: SQLite adds no more.
    const accounts = () => db.schema.alterTable('accounts');
    await accounts()
      .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
      .execute();
    await accounts().addColumn('suspended_at_ms', 'bigint').execute();
    await db.schema.createIndex('accounts_by_time').on('accounts').columns(['created_at_ms', 'id']).execute();

    const keys = () => db.schema.alterTable('api_keys');
    await keys()
      .addColumn('version', 'integer', (column) => column.notNull().defaultTo(1))
      .execute();
    await keys()
      .addColumn('max_concurrency', 'integer', (column) => column.check(sql`max_concurrency > 0`))
      .execute();
    await keys().addColumn('allowed_ips', 'text').execute();
    await keys()
      .addColumn('budget_hundredths', 'bigint', (column) => column.check(sql`budget_hundredths >= 0`))
      .execute();
    await keys()
      .addColumn('budget_period', 'text', (column) =>
        column
          .notNull()
          .defaultTo('total')
          .check(sql`budget_period in ('day', 'week', 'month', 'total')`),
      )
      .execute();
    await keys()
      .addColumn('previous_secret_sha256', 'text', (column) =>
        column.check(sql`length(previous_secret_sha256) = 64`),
      )
      .execute();
    await keys().addColumn('previous_valid_until_ms', 'bigint').execute();
    await sql`
      create unique index api_keys_by_previous_secret on api_keys (previous_secret_sha256)
      where previous_secret_sha256 is not null`.execute(db);
    await db.schema.createIndex('api_keys_by_time').on('api_keys').columns(['created_at_ms', 'id']).execute();

    await db.schema
      .createTable('key_budgets')
      .addColumn('key_id', 'text', (column) => column.notNull())
      .addColumn('budget_window', 'text', (column) => column.notNull())
      .addColumn('limit_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('spent_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('held_hundredths', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('key_budgets_key', ['key_id', 'budget_window'])
      .addCheckConstraint(
        'key_budgets_never_exceeded',
        sql`spent_hundredths >= 0 and held_hundredths >= 0
          and spent_hundredths + held_hundredths <= limit_hundredths`,
      )
      .execute();
    await db.schema.alterTable('holds').addColumn('budget_window', 'text').execute();

    // What was posted by hand is little beside what was settled: total use is read from it and the balance.
    await sql`
      create index ledger_entries_posted on ledger_entries (account_id)
      where type <> 'settlement'`.execute(db);
    await sql`
      create index usage_records_by_client_request on usage_records (client_request_id, created_at_ms)
      where client_request_id is not null`.execute(db);
  },
};

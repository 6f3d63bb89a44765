import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Money: what accounts have, what is held for requests under way, and the immutable entries that explain both.
 * Amounts are hundredths of a credit.
 */
export const ledger: Migration = {
  async up(db: Kysely<unknown>) {
    // Apart from `accounts`: this is the busiest row of an account, and its check is what makes overdraft impossible.
    await db.schema
      .createTable('account_balances')
      .addColumn('account_id', 'text', (column) => column.primaryKey().notNull().references('accounts.id'))
      .addColumn('balance_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('held_hundredths', 'bigint', (column) => column.notNull())
      .addCheckConstraint(
        'account_balances_never_negative',
        sql`held_hundredths >= 0 and balance_hundredths >= held_hundredths`,
      )
      .execute();
    await sql`
      insert into account_balances (account_id, balance_hundredths, held_hundredths)
      select id, 0, 0 from accounts`.execute(db);

    await db.schema
      .createTable('ledger_entries')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('key_id', 'text')
      .addColumn('type', 'text', (column) => column.notNull())
      .addColumn('amount_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('request_id', 'text')
      .addColumn('idempotency_key', 'text')
      .addColumn('reason', 'text')
      .addColumn('price_version', 'text')
      .addColumn('usage_source', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint(
        'ledger_entries_type',
        sql`type in ('grant', 'purchase', 'settlement', 'correction')`,
      )
      .addCheckConstraint(
        'ledger_entries_sign',
        sql`case type when 'settlement' then amount_hundredths <= 0 when 'correction' then true else amount_hundredths > 0 end`,
      )
      .addCheckConstraint(
        'ledger_entries_settlement_names_request',
        sql`type <> 'settlement' or request_id is not null`,
      )
      .execute();
    // At most once per request id, whatever the code does.
    await sql`
      create unique index ledger_entries_one_settlement on ledger_entries (request_id)
      where type = 'settlement'`.execute(db);
    await sql`
      create unique index ledger_entries_idempotent on ledger_entries (account_id, idempotency_key)
      where idempotency_key is not null`.execute(db);
    await db.schema
      .createIndex('ledger_entries_by_account')
      .on('ledger_entries')
      .columns(['account_id', 'created_at_ms', 'id'])
      .execute();

    await db.schema
      .createTable('holds')
      .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('key_id', 'text', (column) => column.notNull())
      .addColumn('amount_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('owner', 'text', (column) => column.notNull())
      .addColumn('relayed_tokens', 'integer', (column) => column.notNull())
      .addColumn('facts', 'text', (column) => column.notNull())
      .addColumn('opened_at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint('holds_state', sql`state in ('open', 'settled', 'released', 'expired')`)
      .addCheckConstraint('holds_amount_not_negative', sql`amount_hundredths >= 0 and relayed_tokens >= 0`)
      .execute();
    await sql`create index holds_open on holds (owner) where state = 'open'`.execute(db);
    await db.schema.createIndex('holds_by_account').on('holds').columns(['account_id', 'state']).execute();

    await db.schema
      .createTable('processes')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('seen_at_ms', 'bigint', (column) => column.notNull())
      .execute();

    await db.schema
      .createTable('hold_events')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('request_id', 'text', (column) => column.notNull())
      .addColumn('event', 'text', (column) => column.notNull())
      .addColumn('amount_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint(
        'hold_events_event',
        sql`event in ('opened', 'extended', 'settled', 'released', 'expired')`,
      )
      .execute();
    await db.schema.createIndex('hold_events_by_request').on('hold_events').column('request_id').execute();
  },
};

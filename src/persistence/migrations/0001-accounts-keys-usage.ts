import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * Who may call, at what price, and what each call used. `text`, `integer`, `bigint` and `boolean` are spelt alike on
 * both databases, so one text serves both.
 */
export const accountsKeysUsage: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('accounts')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .execute();

    await db.schema
      .createTable('api_keys')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.id'))
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('secret_sha256', 'text', (column) => column.notNull().unique())
      .addColumn('display_prefix', 'text', (column) => column.notNull())
      .addColumn('requests_per_minute', 'integer')
      .addColumn('tokens_per_minute', 'integer')
      .addColumn('allowed_models', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('expires_at_ms', 'bigint')
      .addColumn('revoked_at_ms', 'bigint')
      .addCheckConstraint('api_keys_hash_is_sha256', sql`length(secret_sha256) = 64`)
      .addCheckConstraint(
        'api_keys_limits_not_negative',
        sql`requests_per_minute >= 0 and tokens_per_minute >= 0`,
      )
      .execute();
    await db.schema
      .createIndex('api_keys_by_account')
      .on('api_keys')
      .columns(['account_id', 'created_at_ms'])
      .execute();

    await db.schema
      .createTable('price_versions')
      .addColumn('version', 'text', (column) => column.primaryKey().notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('prompt_pico_usd_per_token', 'bigint', (column) => column.notNull())
      .addColumn('completion_pico_usd_per_token', 'bigint', (column) => column.notNull())
      .addColumn('cached_prompt_pico_usd_per_token', 'bigint')
      .addColumn('source', 'text', (column) => column.notNull())
      .addColumn('effective_from_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint(
        'price_versions_not_negative',
        sql`prompt_pico_usd_per_token >= 0 and completion_pico_usd_per_token >= 0
          and cached_prompt_pico_usd_per_token >= 0`,
      )
      .addCheckConstraint('price_versions_source', sql`source in ('config', 'price-table')`)
      .execute();
    await db.schema
      .createIndex('price_versions_by_model')
      .on('price_versions')
      .columns(['model', 'effective_from_ms'])
      .execute();

    // No foreign keys here: a charge must not be lost for want of a price row, and on PostgreSQL each check would
    // lock the account's row, which is the busiest one there is.
    await db.schema
      .createTable('usage_records')
      .addColumn('request_id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('client_request_id', 'text')
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('key_id', 'text', (column) => column.notNull())
      .addColumn('surface', 'text', (column) => column.notNull())
      .addColumn('endpoint', 'text', (column) => column.notNull())
      .addColumn('model', 'text', (column) => column.notNull())
      .addColumn('upstream', 'text', (column) => column.notNull())
      .addColumn('upstream_model', 'text', (column) => column.notNull())
      .addColumn('streamed', 'boolean', (column) => column.notNull())
      .addColumn('outcome', 'text', (column) => column.notNull())
      .addColumn('finish_reason', 'text')
      .addColumn('prompt_tokens', 'integer', (column) => column.notNull())
      .addColumn('cached_prompt_tokens', 'integer', (column) => column.notNull())
      .addColumn('completion_tokens', 'integer', (column) => column.notNull())
      .addColumn('reasoning_tokens', 'integer', (column) => column.notNull())
      .addColumn('usage_source', 'text', (column) => column.notNull())
      .addColumn('price_version', 'text', (column) => column.notNull())
      .addColumn('cost_nano_usd', 'bigint', (column) => column.notNull())
      .addColumn('credit_hundredths', 'bigint', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('first_token_ms', 'integer')
      .addColumn('duration_ms', 'integer', (column) => column.notNull())
      .addCheckConstraint('usage_records_endpoint', sql`endpoint in ('chat', 'completions')`)
      .addCheckConstraint(
        'usage_records_usage_source',
        sql`usage_source in ('upstream', 'counted', 'estimated')`,
      )
      .addCheckConstraint(
        'usage_records_tokens_not_negative',
        sql`prompt_tokens >= 0 and cached_prompt_tokens >= 0 and completion_tokens >= 0 and reasoning_tokens >= 0`,
      )
      .addCheckConstraint(
        'usage_records_money_not_negative',
        sql`cost_nano_usd >= 0 and credit_hundredths >= 0`,
      )
      .addCheckConstraint('usage_records_times_not_negative', sql`first_token_ms >= 0 and duration_ms >= 0`)
      .execute();
    await db.schema
      .createIndex('usage_records_by_account')
      .on('usage_records')
      .columns(['account_id', 'created_at_ms'])
      .execute();

    await db.schema
      .createTable('settings')
      .addColumn('key', 'text', (column) => column.primaryKey().notNull())
      .addColumn('value', 'text', (column) => column.notNull())
      .execute();
  },
};

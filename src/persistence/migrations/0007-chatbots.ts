import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Presets over models, in versions that are added and never changed, and which keys may manage and see what. */
export const chatbots: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('chatbots')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull().references('accounts.id'))
      .addColumn('key_ids', 'text')
      .addColumn('newest_version', 'integer', (column) => column.notNull())
      .addColumn('published_version', 'integer')
      .addColumn('revision', 'integer', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint(
        'chatbots_versions',
        sql`newest_version >= 1 and (published_version is null or published_version between 1 and newest_version)`,
      )
      .execute();
    await db.schema
      .createIndex('chatbots_by_account')
      .on('chatbots')
      .columns(['account_id', 'created_at_ms', 'id'])
      .execute();
    await db.schema
      .createTable('chatbot_versions')
      .addColumn('chatbot_id', 'text', (column) =>
        column.notNull().references('chatbots.id').onDelete('cascade'),
      )
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('settings', 'text', (column) => column.notNull())
      .addColumn('settings_chars', 'integer', (column) => column.notNull())
      .addColumn('listing', 'text', (column) => column.notNull())
      .addColumn('restored_from', 'integer')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('chatbot_versions_key', ['chatbot_id', 'version'])
      .execute();

    await db.schema
      .alterTable('api_keys')
      .addColumn('manage_chatbots', 'boolean', (column) => column.notNull().defaultTo(false))
      .execute();
    await db.schema
      .alterTable('api_keys')
      .addColumn('read_conversations', 'boolean', (column) => column.notNull().defaultTo(true))
      .execute();
  },
};

import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What was said, for those who asked to have it kept: conversations and stored completions, over the same tables; and
 * what a hold needs so that a conversation has one turn at a time.
 */
export const conversations: Migration = {
  async up(db: Kysely<unknown>) {
    await db.schema
      .createTable('conversations')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      // '': none. Not null, so that the unique index below compares it.
      .addColumn('chatbot_id', 'text', (column) => column.notNull())
      .addColumn('client_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('model', 'text')
      .addColumn('head', 'text', (column) => column.notNull())
      .addColumn('sealed_with', 'text')
      .addColumn('message_count', 'integer', (column) => column.notNull())
      .addColumn('turn_count', 'integer', (column) => column.notNull())
      .addColumn('next_seq', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addCheckConstraint('conversations_kind', sql`kind in ('conversation', 'completion')`)
      .execute();
    await db.schema
      .createIndex('conversations_by_client_id')
      .unique()
      .on('conversations')
      .columns(['account_id', 'client_id', 'chatbot_id'])
      .execute();
    await db.schema
      .createIndex('conversations_by_time')
      .on('conversations')
      .columns(['account_id', 'kind', 'created_at_ms', 'id'])
      .execute();
    await db.schema
      .createIndex('conversations_by_age')
      .on('conversations')
      .columns(['account_id', 'updated_at_ms'])
      .execute();
    await db.schema
      .createTable('conversation_messages')
      .addColumn('conversation_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('turn', 'integer', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('bytes', 'integer', (column) => column.notNull())
      .addColumn('body', 'text', (column) => column.notNull())
      .addColumn('sealed_with', 'text')
      .addColumn('request_id', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addPrimaryKeyConstraint('conversation_messages_key', ['conversation_id', 'seq'])
      .execute();
    // What a change of the encryption key has still to rewrite.
    for (const table of ['conversations', 'conversation_messages']) {
      await sql`create index ${sql.raw(`${table}_by_seal`)} on ${sql.table(table)} (sealed_with)`.execute(db);
    }

    // `null`: kept until deleted; 0: nothing is stored.
    await db.schema
      .alterTable('accounts')
      .addColumn('conversation_retention_days', 'integer', (column) =>
        column.check(sql`conversation_retention_days >= 0`),
      )
      .execute();

    await db.schema.alterTable('holds').addColumn('exclusive_name', 'text').execute();
    await sql`
      create unique index holds_exclusive on holds (account_id, exclusive_name)
      where state = 'open' and exclusive_name is not null`.execute(db);
    await db.schema.alterTable('usage_records').addColumn('context', 'text').execute();
  },
};

import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/**
 * What was said, for those who asked to have it kept: conversations and stored completions, over the same tables; and
 * what a hold needs so that a conversation has one turn at a time.
 */
export const conversations: Migration = {
  async up(db: Kysely<unknown>) {
    // What may be long stands last in each table, so that the rest is read without it.
    await db.schema
      .createTable('conversations')
      .addColumn('id', 'text', (column) => column.primaryKey().notNull())
      .addColumn('account_id', 'text', (column) => column.notNull())
      .addColumn('client_key', 'text', (column) => column.notNull())
      // '': none. Not null, so that the unique index below compares it.
      .addColumn('chatbot_id', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('message_count', 'integer', (column) => column.notNull())
      .addColumn('turn_count', 'integer', (column) => column.notNull())
      .addColumn('next_seq', 'integer', (column) => column.notNull())
      .addColumn('version', 'integer', (column) => column.notNull())
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('updated_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('sealed_with', 'text')
      .addColumn('model', 'text')
      .addColumn('client_id', 'text', (column) => column.notNull())
      .addColumn('head', 'text', (column) => column.notNull())
      .addCheckConstraint('conversations_kind', sql`kind in ('conversation', 'completion')`)
      .execute();
    await db.schema
      .createIndex('conversations_by_client')
      .unique()
      .on('conversations')
      .columns(['client_key', 'chatbot_id'])
      .execute();
    await db.schema
      .createIndex('conversations_by_time')
      .on('conversations')
      // The chatbot's at the end: the list of one is searched for in the index, and no index more is written for it.
      .columns(['account_id', 'kind', 'created_at_ms', 'id', 'chatbot_id'])
      .execute();
    await db.schema
      .createTable('conversation_messages')
      .addColumn('conversation_id', 'text', (column) => column.notNull())
      .addColumn('seq', 'integer', (column) => column.notNull())
      .addColumn('id', 'text', (column) => column.notNull())
      .addColumn('turn', 'integer', (column) => column.notNull())
      .addColumn('role', 'text', (column) => column.notNull())
      .addColumn('bytes', 'integer', (column) => column.notNull())
      .addColumn('request_id', 'text')
      .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
      .addColumn('sealed_with', 'text')
      .addColumn('body', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('conversation_messages_key', ['conversation_id', 'seq'])
      .execute();

    // Kept answers are erased with the conversation or the completion that they belong to.
    await db.schema.alterTable('idempotency_records').addColumn('conversation_key', 'text').execute();
    await db.schema.alterTable('idempotency_records').addColumn('sealed_with', 'text').execute();
    await sql`
      create index idempotency_records_by_conversation on idempotency_records (conversation_key)
      where conversation_key is not null`.execute(db);
    await db.schema
      .createIndex('idempotency_records_by_request')
      .on('idempotency_records')
      .column('request_id')
      .execute();

    // What a change of the encryption key has still to rewrite. Whoever has no key does not write these.
    for (const table of ['conversations', 'conversation_messages', 'idempotency_records']) {
      await sql`
        create index ${sql.raw(`${table}_by_seal`)} on ${sql.table(table)} (sealed_with)
        where sealed_with is not null`.execute(db);
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

import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Kysely, sql } from 'kysely';
import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import { SqliteDialect } from '../../src/persistence/dialects/sqlite-dialect.js';
import { migrate } from '../../src/persistence/migrate.js';
import { MIGRATIONS } from '../../src/persistence/migrations/migrations.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import type { Tables } from '../../src/persistence/tables.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase, onPostgres } from '../support/databases.js';
import { storageNotAsCounted } from '../support/invariants.js';

const ACCOUNT = { name: 'a', created_at_ms: 1n };

eachDatabase((_, open) => {
  describe('what an account stores', () => {
    it('is counted whoever writes, shortens, empties or deletes the rows', async () => {
      const { kysely } = await open();
      const check = async (): Promise<void> => expect(await storageNotAsCounted(kysely)).toEqual([]);
      const run = async (...statements: string[]): Promise<void> => {
        for (const statement of statements) await sql.raw(statement).execute(kysely);
        await check();
      };
      await kysely
        .insertInto('accounts')
        .values([
          { id: 'acct_1', ...ACCOUNT },
          { id: 'acct_2', ...ACCOUNT },
        ])
        .execute();
      await run(conversation('c1', 'acct_1', 'conversation'), conversation('c2', 'acct_2', 'completion'));
      await run(`insert into conversation_messages (conversation_id, seq, id, turn, role, bytes, created_at_ms, body)
        values ('c1', 1, 'm1', 1, 'user', 1, 1, 'häh'), ('c1', 2, 'm2', 1, 'user', 1, 1, '${'x'.repeat(9_000)}'),
          ('c2', 1, 'm3', 1, 'user', 1, 1, 'ha')`);
      await run(
        `update conversation_messages set body = 'longer than it was' where seq = 1`,
        `update conversations set head = '' where id = 'c1'`,
      );
      await run(`insert into chatbots (id, account_id, newest_version, revision, created_at_ms, updated_at_ms)
        values ('b1', 'acct_1', 1, 1, 1, 1)`);
      await run(
        `insert into chatbot_versions (chatbot_id, version, settings, settings_chars, listing, created_at_ms)
          values ('b1', 1, '{"a":"ü"}', 9, '{}', 1), ('b1', 2, '{}', 2, '{}', 1)`,
        `update chatbots set key_ids = '["key_1"]' where id = 'b1'`,
        `delete from chatbot_versions where version = 1`,
      );
      await run(`insert into idempotency_records (account_id, idempotency_key, fingerprint, owner, request_id, created_at_ms)
        values ('acct_1', 'k1', '${'0'.repeat(64)}', 'p', 'r1', 1), ('acct_2', 'k1', '${'0'.repeat(64)}', 'p', 'r2', 1)
        on conflict do nothing`);
      await run(`insert into idempotency_records (account_id, idempotency_key, fingerprint, owner, request_id, created_at_ms)
        values ('acct_1', 'k1', '${'0'.repeat(64)}', 'p', 'r1', 1) on conflict do nothing`);
      await run(`update idempotency_records set body = 'kept' where request_id = 'r1'`);
      const { rows } = await sql<Record<string, unknown>>`
        select * from account_storage where account_id = 'acct_1'`.execute(kysely);
      expect(rows).toMatchObject([
        { conversations: 1n, stored_completions: 0n, chatbots: 1n, kept_answer_bytes: 518n },
      ]);
      // In parts: the conversation first, then its messages.
      await run(
        `insert into erasures (conversation_id, account_id) values ('c1', 'acct_1')`,
        `delete from conversations where id = 'c1'`,
      );
      await run(`delete from conversation_messages where conversation_id = 'c1' and seq = 1`);
      await run(
        `delete from conversation_messages`,
        `delete from conversations`,
        `delete from chatbots`,
        `delete from idempotency_records`,
      );
      const { rows: left } = await sql<Record<string, unknown>>`
        select sum(stored_bytes + conversations + stored_completions + chatbots + kept_answer_bytes) as sum
        from account_storage`.execute(kysely);
      expect(Number(left[0]?.['sum'])).toBe(0);
    });

    it('has what open holds reserve beside it, until they end in any way', async () => {
      const { kysely } = await open();
      await kysely
        .insertInto('accounts')
        .values({ id: 'acct_1', ...ACCOUNT })
        .execute();
      const reserved = async (): Promise<unknown> => {
        expect(await storageNotAsCounted(kysely)).toEqual([]);
        return await kysely
          .selectFrom('account_storage')
          .select(['reserved_bytes', 'reserved_conversations', 'reserved_completions'])
          .executeTakeFirst();
      };
      for (const id of ['r1', 'r2', 'r3']) {
        await sql`insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner, relayed_tokens, facts,
          opened_at_ms) values (${id}, 'acct_1', 'key_1', 7, 'open', 'p', 0, '{}', 1)`.execute(kysely);
      }
      expect(await reserved()).toEqual({
        reserved_bytes: 0n,
        reserved_conversations: 0n,
        reserved_completions: 0n,
      });
      await sql`update holds set reserved_bytes = 5, reserved_completions = 1 where request_id <> 'r3'`.execute(
        kysely,
      );
      expect(await reserved()).toMatchObject({ reserved_bytes: 10n, reserved_completions: 2n });
      await sql`update holds set amount_hundredths = 9`.execute(kysely);
      await sql`update holds set state = 'expired' where request_id = 'r1'`.execute(kysely);
      expect(await reserved()).toMatchObject({ reserved_bytes: 5n, reserved_completions: 1n });
      await sql`update holds set state = 'settled'`.execute(kysely);
      expect(await reserved()).toEqual({
        reserved_bytes: 0n,
        reserved_conversations: 0n,
        reserved_completions: 0n,
      });
    });
  });
});

const COUNTED = [
  // More than half of the default: nobody's service ends with an upgrade.
  {
    id: 'acct_large',
    stored_bytes: 6_000n * 515n,
    conversations: 6_000n,
    max_conversations: 12_000n,
    max_stored_bytes: null,
  },
  {
    id: 'acct_small',
    stored_bytes: 2n * 515n + 256n + 3n + 256n + 11n,
    conversations: 2n,
    max_conversations: null,
    max_stored_bytes: null,
  },
];

/** A database as the version before this one left it. */
describe('an upgrade', () => {
  let kysely: Kysely<Tables>;
  afterEach(() => kysely.destroy());

  const upgraded = async (kind: 'sqlite' | 'postgres'): Promise<unknown> => {
    const before = Object.entries(MIGRATIONS).filter(([name]) => name < '0011');
    await migrate(kysely, kind, Object.fromEntries(before));
    await sql`insert into accounts (id, name, created_at_ms) values ('acct_small', 'a', 1), ('acct_large', 'a', 1)`.execute(
      kysely,
    );
    for (const [id, account, count] of [
      ['s', 'acct_small', 2],
      ['l', 'acct_large', 6_000],
    ] as const) {
      const rows = Array.from(
        { length: count },
        (_, i) => `('${id}${i}', '${account}', '${id}${i}', '', 'conversation', 1, 1, 2, 1, 1, 1, 'x', '{}')`,
      );
      await sql
        .raw(
          `insert into conversations (id, account_id, client_key, chatbot_id, kind, message_count, turn_count, next_seq,
          version, created_at_ms, updated_at_ms, client_id, head) values ${rows.join(', ')}`,
        )
        .execute(kysely);
    }
    await sql`insert into conversation_messages (conversation_id, seq, id, turn, role, bytes, created_at_ms, body)
      values ('s0', 1, 'm1', 1, 'user', 1, 1, 'hä'), ('gone', 1, 'm2', 1, 'user', 1, 1, 'half erased')`.execute(
      kysely,
    );
    await sql`insert into erasures (conversation_id, account_id) values ('gone', 'acct_small')`.execute(
      kysely,
    );

    await migrate(kysely, kind);
    const { rows } = await sql`
      select id, stored_bytes, conversations, max_conversations, max_stored_bytes
      from accounts join account_storage on account_id = id order by id`.execute(kysely);
    return { rows, wrong: await storageNotAsCounted(kysely) };
  };

  it('counts what there is, and leaves room for those who have much already', async () => {
    kysely = new Kysely({ dialect: new SqliteDialect(new DatabaseSync(':memory:')) });
    expect(await upgraded('sqlite')).toEqual({ rows: COUNTED, wrong: [] });
  });

  onPostgres((newDatabaseUrl) => {
    it('counts what there is, and leaves room for those who have much already', async () => {
      kysely = new Kysely({
        dialect: createPostgresDialect({ url: await newDatabaseUrl(), maxConnections: 1 }),
      });
      expect(await upgraded('postgres')).toEqual({ rows: COUNTED, wrong: [] });
    });
  });
});

onPostgres((newDatabaseUrl) => {
  it('replicas together store no more than one may, and break no deadlock for it', async () => {
    const url = await newDatabaseUrl();
    const replicas = await Promise.all([1, 2].map(() => PostgresDatabase.open({ url })));
    const [{ kysely }] = replicas as [PostgresDatabase, PostgresDatabase];
    await sql`insert into accounts (id, name, created_at_ms, max_conversations) values ('acct_1', 'a', 1, 25)`.execute(
      kysely,
    );
    await new BalanceRepository(replicas[0] as PostgresDatabase).insertEmpty('acct_1');
    const [first, second] = (replicas as [PostgresDatabase, PostgresDatabase]).map((database) =>
      conversationRepositories(database),
    ) as [ConversationRepositories, ConversationRepositories];
    const refusals: unknown[] = [];
    const make = async (index: number): Promise<string | undefined> => {
      const { records } = index % 2 === 0 ? first : second;
      try {
        const { id } = await records.create({
          accountId: 'acct_1',
          messages: [{ role: 'user', content: 'hi' }],
          atMs: index,
        });
        return id;
      } catch (error) {
        refusals.push(error);
        return undefined;
      }
    };
    const made = (await Promise.all(Array.from({ length: 60 }, (_, i) => make(i)))).filter(
      (id) => id !== undefined,
    );
    expect(made).toHaveLength(25);
    expect(refusals).toEqual(
      Array.from({ length: 35 }, () => expect.objectContaining({ code: 'storage_quota_exceeded' })),
    );
    // Erasures and new ones beside each other.
    const work = made.flatMap((id, i): Promise<unknown>[] => {
      const [one, other] = i % 2 === 0 ? [first, second] : [second, first];
      return [
        make(i),
        other.erasure.erase('acct_1', id, 'conversation'),
        one.records.addMessages('acct_1', id, [{ role: 'user', content: 'more' }], i),
      ];
    });
    await Promise.all(work);
    expect(await storageNotAsCounted(kysely)).toEqual([]);
    const { rows } = await sql<{ deadlocks: bigint }>`
      select deadlocks from pg_stat_database where datname = current_database()`.execute(kysely);
    expect(Number(rows[0]?.deadlocks)).toBe(0);
    for (const database of replicas) await database.close();
  });
});

function conversation(id: string, account: string, kind: string): string {
  return `
    insert into conversations (id, account_id, client_key, chatbot_id, kind, message_count, turn_count, next_seq,
      version, created_at_ms, updated_at_ms, client_id, head)
    values ('${id}', '${account}', '${id}', '', '${kind}', 0, 0, 1, 1, 1, 1, 'größe', '{"é":1}')`;
}

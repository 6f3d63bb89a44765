import { rm } from 'node:fs/promises';
import { expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { MIGRATIONS } from '../../src/persistence/migrations/migrations.js';
import { migrate } from '../../src/persistence/migrate.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { StorageStartError } from '../../src/persistence/storage-start.error.js';
import type { Database } from '../../src/persistence/database.js';
import { eachDatabase, onPostgres, onServer, temporaryFolder } from '../support/databases.js';

async function tableNames({ kysely }: Database): Promise<string[]> {
  const tables = await kysely.introspection.getTables({ withInternalKyselyTables: true });
  return tables.map(({ name }) => name).sort();
}

eachDatabase((kind, open) => {
  it('makes every table from nothing, and nothing more the second time', async () => {
    const database = await open();
    const tables = await tableNames(database);
    expect(tables).toEqual(
      expect.arrayContaining(['accounts', 'api_keys', 'price_versions', 'settings', 'usage_records']),
    );
    await migrate(database.kysely, kind);
    expect(await tableNames(database)).toEqual(tables);
  });

  it('0009 takes what was given back before from what budgets have spent', async () => {
    const { kysely } = await open();
    await kysely
      .insertInto('key_budgets')
      .values(
        ['key_1', 'key_2'].map((key_id) => ({
          key_id,
          budget_window: 'total',
          limit_hundredths: 100n,
          spent_hundredths: 30n,
          held_hundredths: 0n,
        })),
      )
      .execute();
    await sql`
      insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner, relayed_tokens, facts,
        opened_at_ms, budget_window)
      values ('req_1', 'acct_1', 'key_1', 7, 'settled', 'p', 0, '{}', 1, 'total'),
        ('req_2', 'acct_1', 'key_2', 5, 'settled', 'p', 0, '{}', 1, 'total')`.execute(kysely);
    await sql`
      insert into ledger_entries (id, account_id, type, amount_hundredths, request_id, created_at_ms)
      values ('le_1', 'acct_1', 'settlement', -7, 'req_1', 1), ('le_2', 'acct_1', 'correction', 7, 'req_1', 2),
        ('le_3', 'acct_1', 'settlement', -5, 'req_2', 3), ('le_4', 'acct_1', 'correction', 9, null, 4)`.execute(
      kysely,
    );
    await sql`drop index ledger_entries_given_back`.execute(kysely);
    await MIGRATIONS['0009-given-back-by-request']?.up(kysely);
    const budgets = await kysely.selectFrom('key_budgets').select(['key_id', 'spent_hundredths']).execute();
    expect(new Map(budgets.map((row) => [row.key_id, row.spent_hundredths]))).toEqual(
      new Map([
        ['key_1', 23n],
        ['key_2', 30n],
      ]),
    );
  });

  it('D9: refuses the schema of a newer version, by name', async () => {
    const { kysely } = await open();
    await sql`insert into schema_migrations (name, timestamp)
      values ('9999-from-the-future', '2030-01-01T00:00:00.000Z')`.execute(kysely);
    const failure = migrate(kysely, kind);
    await expect(failure).rejects.toThrow(StorageStartError);
    await expect(failure).rejects.toThrow(/newer Tollgate \(it has 9999-from-the-future\)/);
  });

  it('D9: a migration that fails half-way leaves nothing behind, and can be repeated when it is mended', async () => {
    const database = await open();
    const tables = await tableNames(database);
    const half = {
      up: async (db: Database['kysely']) => {
        await db.schema.createTable('half_done').addColumn('id', 'integer').execute();
        await sql`select no_such_column from accounts`.execute(db);
      },
    };
    const mended = {
      up: (db: Database['kysely']) => db.schema.createTable('half_done').addColumn('id', 'integer').execute(),
    };
    const failure = migrate(database.kysely, kind, { ...MIGRATIONS, '0999-half': half });
    await expect(failure).rejects.toThrow(StorageStartError);
    await expect(failure).rejects.toThrow(/\(migration 0999-half\): .*no_such_column.*Nothing was changed/);
    expect(await tableNames(database)).toEqual(tables);

    await migrate(database.kysely, kind, { ...MIGRATIONS, '0999-half': mended });
    expect(await tableNames(database)).toContain('half_done');
  });

  it('D9: refuses a database whose tables were made by other hands', async () => {
    const { kysely } = await open();
    await sql`delete from schema_migrations`.execute(kysely);
    await expect(migrate(kysely, kind)).rejects.toThrow(/\(migration 0001-accounts-keys-usage\): .*exists/);
  });
});

it('D9: a refused SQLite database lets go of its folder', async () => {
  const folder = await temporaryFolder();
  const database = await SqliteDatabase.open(folder);
  await sql`delete from schema_migrations`.execute(database.kysely);
  await database.close();
  await expect(SqliteDatabase.open(folder)).rejects.toThrow(/cannot be brought up to date/);
  await expect(SqliteDatabase.open(folder)).rejects.toThrow(/cannot be brought up to date/);
  await rm(folder, { recursive: true });
});

onPostgres((newDatabaseUrl) => {
  it('is done once when several processes start at the same time', async () => {
    const url = await newDatabaseUrl();
    const databases = await Promise.all([1, 2, 3].map(() => PostgresDatabase.open({ url })));
    expect(databases.map(({ ready }) => ready)).toEqual([true, true, true]);
    const { kysely } = databases[0]!;
    const { rows } = await sql`select name from schema_migrations`.execute(kysely);
    expect(rows).toHaveLength(Object.keys(MIGRATIONS).length);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('takes no notice of a namesake in another schema', async () => {
    const url = await newDatabaseUrl();
    await onServer(url, 'create schema other; create table other.schema_migrations (anything int)');
    const database = await PostgresDatabase.open({ url });
    expect(database.ready).toBe(true);
    await database.close();
  });

  it('D9: does not start on a schema that is not ours', async () => {
    const url = await newDatabaseUrl();
    await onServer(url, 'create table accounts (id int)');
    await expect(PostgresDatabase.open({ url })).rejects.toThrow(StorageStartError);
  });
});

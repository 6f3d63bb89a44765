import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { temporaryFolder } from '../support/databases.js';

const SOURCE = new URL('../../src/persistence/sqlite-database.ts', import.meta.url).href;
const RUN_TYPESCRIPT = new URL('fixtures/run-typescript.mjs', import.meta.url).href;

async function idsOf(db: SqliteDatabase['reports']): Promise<string[]> {
  return (await db.selectFrom('accounts').select('id').orderBy('id').execute()).map(({ id }) => id);
}

describe('reads on another thread', () => {
  let folder: string;
  let database: SqliteDatabase;
  beforeAll(async () => {
    folder = await temporaryFolder();
    database = await SqliteDatabase.open(folder);
  });
  afterAll(async () => {
    await database.close();
    await rm(folder, { recursive: true });
  });

  async function addAccount(id: string): Promise<void> {
    await database.kysely
      .insertInto('accounts')
      .values({
        id,
        name: `of ${id}`,
        created_at_ms: 7n,
        suspended_at_ms: null,
        conversation_retention_days: null,
      })
      .execute();
  }

  it('see what was committed before, as the same types', async () => {
    await addAccount('acct_1');
    for (const db of [database.kysely, database.reports, database.texts]) {
      const row = await db.selectFrom('accounts').selectAll().where('id', '=', 'acct_1').executeTakeFirst();
      expect(row).toMatchObject({ id: 'acct_1', created_at_ms: 7n, version: 1, suspended_at_ms: null });
      const { rows } = await sql`select cast('abc' as blob) as said, count(*) as n from accounts`.execute(db);
      expect(rows).toEqual([{ said: new Uint8Array([97, 98, 99]), n: 1n }]);
    }
  });

  it('see one moment in a transaction, whatever is written meanwhile', async () => {
    const before = await idsOf(database.reports);
    await database.reports.transaction().execute(async (trx) => {
      expect(await idsOf(trx)).toEqual(before);
      await addAccount('acct_2');
      expect(await idsOf(trx)).toEqual(before);
    });
    expect(await idsOf(database.reports)).toEqual([...before, 'acct_2']);
  });

  it('write nothing', async () => {
    await expect(database.reports.deleteFrom('accounts').execute()).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    await expect(sql`select no_such_column from accounts`.execute(database.reports)).rejects.toThrow(
      'no such column',
    );
  });

  it('leave the loop to others while a statement runs', async () => {
    let turns = 0;
    const state = { done: false };
    const counted = sql<{ n: bigint }>`
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000)
      select count(*) as n from n`
      .execute(database.reports)
      .finally(() => {
        state.done = true;
      });
    for (; !state.done; turns += 1) await nextTurn();
    expect((await counted).rows).toEqual([{ n: 3_000_000n }]);
    // In the same thread there would be none.
    expect(turns).toBeGreaterThan(100);
  });

  it('of texts do not wait for a report', async () => {
    const report = sql`
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select count(*) from n`.execute(
      database.reports,
    );
    const first = await Promise.race([report.then(() => 'report'), idsOf(database.texts).then(() => 'text')]);
    expect(first).toBe('text');
    await report;
  });

  it('do not keep a purge from emptying the log', async () => {
    const reads = Array.from({ length: 20 }, () => idsOf(database.texts));
    await database.purgeDeleted();
    await Promise.all(reads);
    expect(await idsOf(database.texts)).toHaveLength(2);
  });

  it('end with the database, in a process that has nothing else to do', async () => {
    const source = [
      `const { SqliteDatabase } = await import(${JSON.stringify(SOURCE)});`,
      `const database = await SqliteDatabase.open(${JSON.stringify(join(folder, 'other'))});`,
      `await database.reports.selectFrom('accounts').select('id').execute();`,
      `await database.close();`,
      `console.log('closed');`,
    ].join('\n');
    const script = join(folder, 'close.mjs');
    await writeFile(script, source);
    const { stdout, status, stderr } = spawnSync(
      process.execPath,
      ['--no-warnings', '--import', RUN_TYPESCRIPT, script],
      { encoding: 'utf8' },
    );
    expect({ stdout, status, stderr }).toMatchObject({ stdout: 'closed\n', status: 0 });
  });
});

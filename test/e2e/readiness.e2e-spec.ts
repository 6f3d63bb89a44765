import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql, type Kysely } from 'kysely';
import { Database } from '../../src/persistence/database.js';
import type { Tables } from '../../src/persistence/tables.js';
import { onPostgres, onServer } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { Tollgate } from '../support/tollgate.js';

const ASK = { model: 'sandbox/chat', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const PATH = '/api/v1/chat/completions';

/** Whether load balancers are told that no paid request can be served, and that it is over. */
describe('readiness of a database that answers and takes no writes', () => {
  let tollgate: Tollgate;
  let kysely: Kysely<Tables>;
  afterEach(() => tollgate.close());

  const status = async (path: string): Promise<number> => (await tollgate.get(path)).status;
  const ready = (): Promise<number> => status('/health/ready');

  describe('on SQLite', () => {
    beforeEach(async () => {
      tollgate = await Tollgate.start({ database: 'sqlite' });
      kysely = tollgate.app.get(Database).kysely;
    });

    it('a full disk: 503 as soon as somebody asks, alive, and ready by itself when there is room', async () => {
      await fillDisk(kysely);
      expect(await ready()).toBe(503);
      const answer = await tollgate.get('/health/ready');
      expect(await answer.json()).toMatchObject({ error: { message: 'Not ready: database.' } });
      expect(await status('/health/live')).toBe(200);

      await sql`pragma max_page_count = 1073741823`.execute(kysely);
      await eventually(async () => (await ready()) === 200, 'readiness');
      expect(await status('/health/live')).toBe(200);
      expect((await tollgate.post(PATH, ASK)).status).toBe(200);
    });

    it('a disk that became full unnoticed: the first request that fails for it says so at once', async () => {
      expect(await ready()).toBe(200);
      await sql`pragma query_only = on`.execute(kysely);
      expect(await ready()).toBe(200);
      expect((await tollgate.post(PATH, ASK)).status).toBe(503);
      expect(await ready()).toBe(503);

      await sql`pragma query_only = off`.execute(kysely);
      await eventually(async () => (await ready()) === 200, 'readiness');
    });

    it('asks the disk once, however many ask whether it is ready', async () => {
      const { rows: before } = await sql<{ changes: bigint }>`select total_changes() as changes`.execute(
        kysely,
      );
      await Promise.all(Array.from({ length: 50 }, ready));
      const { rows: after } = await sql<{ changes: bigint }>`select total_changes() as changes`.execute(
        kysely,
      );
      expect((after[0]?.changes ?? 0n) - (before[0]?.changes ?? 0n)).toBeLessThanOrEqual(4n);
    });
  });

  onPostgres((newDatabaseUrl) => {
    beforeEach(async () => {
      tollgate = await Tollgate.start({ database: await newDatabaseUrl() });
      kysely = tollgate.app.get(Database).kysely;
    });

    it('a full disk: 503 after the first write that fails, and ready by itself when there is room', async () => {
      // The server's own answer when a file of a table cannot grow.
      await sql`
        create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$`.execute(
        kysely,
      );
      for (const table of ['holds', 'settings']) {
        await sql`create trigger full_disk before insert or update on ${sql.table(table)} execute function refuse()`.execute(
          kysely,
        );
      }
      expect(await ready()).toBe(200);
      expect((await tollgate.post(PATH, ASK)).status).toBe(503);
      expect(await ready()).toBe(503);
      expect(await status('/health/live')).toBe(200);

      await sql`drop function refuse cascade`.execute(kysely);
      await eventually(async () => (await ready()) === 200, 'readiness');
      expect((await tollgate.post(PATH, ASK)).status).toBe(200);
    });

    it('a server that became a standby: 503 though nobody writes, and ready by itself afterwards', async () => {
      const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(kysely);
      const name = rows[0]?.name ?? '';
      const server = process.env['TEST_DATABASE_URL'] ?? '';
      const setReadOnly = async (on: 'on' | 'off'): Promise<void> => {
        await onServer(server, `alter database ${name} set default_transaction_read_only = ${on}`);
        // Sessions take it over when they begin.
        await onServer(
          server,
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
        );
      };
      await setReadOnly('on');
      await eventually(async () => (await ready()) === 503, 'no readiness');
      // Once a connection is lost it is not ready either: it stays so when there are new ones.
      await eventually(
        () => tollgate.app.get(Database).lastError === 'the server is read-only',
        'the reason',
      );
      expect(await status('/health/live')).toBe(200);
      await setReadOnly('off');
      await eventually(async () => (await ready()) === 200, 'readiness');
    });
  });
});

async function fillDisk(kysely: Kysely<Tables>): Promise<void> {
  const { rows } = await sql<{ page_count: bigint }>`pragma page_count`.execute(kysely);
  await sql.raw(`pragma max_page_count = ${rows[0]?.page_count}`).execute(kysely);
}

import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { Kysely, sql } from 'kysely';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import { createPostgresDialect } from '../../src/persistence/dialects/postgres-dialect.js';
import { GroupCommit, type GroupWrite } from '../../src/persistence/group-commit.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import type { Tables } from '../../src/persistence/tables.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { onPostgres, onServer } from '../support/databases.js';
import { InterruptibleProxy } from './fixtures/interruptible-proxy.js';
import { usageRecord } from './fixtures/usage-record.js';
import { usageWrite } from './fixtures/usage-write.js';

const UNAVAILABLE = { code: 'storage_unavailable' };

onPostgres((newDatabaseUrl) => {
  let directUrl: string;
  let url: string;
  let proxy: InterruptibleProxy;
  const opened: { close(): Promise<void> }[] = [];

  beforeEach(async () => {
    directUrl = await newDatabaseUrl();
    proxy = new InterruptibleProxy(new URL(directUrl));
    await proxy.comeBack();
    url = Object.assign(new URL(directUrl), { host: `127.0.0.1:${proxy.port}` }).href;
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    await proxy.goAway();
  });

  async function openDatabase(): Promise<PostgresDatabase> {
    const database = await PostgresDatabase.open({ url, probeIntervalMs: 20 });
    opened.push(database);
    return database;
  }

  it('D1: starts while the server is down, says so, and becomes ready by itself when it is up', async () => {
    await proxy.goAway();
    const changes: (string | undefined)[] = [];
    const database = await PostgresDatabase.open({
      url,
      probeIntervalMs: 20,
      onChange: (lastError) => changes.push(lastError),
    });
    opened.push(database);
    expect(database.ready).toBe(false);
    expect(database.lastError).toMatch(/ECONNREFUSED/);
    const usage = new UsageRepository(database);
    await expect(usage.findByRequestId('acct_1', 'req_1')).rejects.toMatchObject(UNAVAILABLE);

    await proxy.comeBack();
    await database.whenReady();
    expect(database.ready).toBe(true);
    expect(database.lastError).toBeUndefined();
    expect(changes.at(-1)).toBeUndefined();
    expect(await usage.findByRequestId('acct_1', 'req_1')).toBeUndefined();
  });

  it('D9: a schema that is not ours, found only when the server is up at last, is said and not touched', async () => {
    await onServer(directUrl, 'create table accounts (id int)');
    await proxy.goAway();
    const refused = Promise.withResolvers<string>();
    const database = await PostgresDatabase.open({
      url,
      probeIntervalMs: 20,
      onChange: (lastError) => lastError?.includes('schema') === true && refused.resolve(lastError),
    });
    opened.push(database);
    await proxy.comeBack();
    expect(await refused.promise).toMatch(/cannot be brought up to date/);
    expect(database.ready).toBe(false);
    expect(() => database.kysely).toThrow(expect.objectContaining(UNAVAILABLE));
  });

  it('D1: can be closed while it is waiting for the server', async () => {
    await proxy.goAway();
    const database = await PostgresDatabase.open({ url, probeIntervalMs: 60_000 });
    await expect(database.close()).resolves.toBeUndefined();
  });

  it('is not ready while the server is away, and again when it is back', async () => {
    const lost = Promise.withResolvers<void>();
    const back = Promise.withResolvers<void>();
    let away = false;
    const database = await PostgresDatabase.open({
      url,
      probeIntervalMs: 20,
      onChange: (lastError) => {
        if (lastError !== undefined) lost.resolve();
        else if (away) back.resolve();
      },
    });
    opened.push(database);
    expect(database.ready).toBe(true);
    away = true;
    await proxy.goAway();
    await lost.promise;
    expect(database.ready).toBe(false);
    await proxy.comeBack();
    await back.promise;
    expect(database.ready).toBe(true);
  });

  it('D3: keeps a write until the server is back, and stores it once', async () => {
    const database = await openDatabase();
    const usage = new UsageRepository(database);
    const groupCommit = new GroupCommit(database);
    await proxy.goAway();
    const stored = groupCommit.submit(usageWrite(usage), usageRecord());
    await proxy.comeBack();
    expect(await stored).toBe('inserted');
  });

  it('D3: a query while the server is away fails as unavailable, without a word of what it was', async () => {
    const database = await openDatabase();
    await proxy.goAway();
    const usage = new UsageRepository(database);
    await expect(usage.findByRequestId('acct_1', 'req_1')).rejects.toMatchObject({
      ...UNAVAILABLE,
      message: expect.not.stringMatching(/select|127\.0\.0\.1|ECONN/i),
    });
  });

  it('D4: the server process killed inside the transaction: tried again, stored once', async () => {
    const database = await openDatabase();
    const usage = new UsageRepository(database);
    const groupCommit = new GroupCommit(database);
    let kills = 1;
    const insert = usageWrite(usage);
    const deadly: typeof insert = async (trx, records) => {
      const results = await insert(trx, records);
      if (kills-- > 0) await sql`select pg_terminate_backend(pg_backend_pid())`.execute(trx);
      return results;
    };
    const results = await Promise.all(
      ['req_1', 'req_2', 'req_3'].map((requestId) => groupCommit.submit(deadly, usageRecord({ requestId }))),
    );
    expect(results).toEqual(['inserted', 'inserted', 'inserted']);
    expect(await countRecords(database)).toBe(3n);
  });

  it('D4: the acknowledgement of COMMIT lost: tried again, found, not doubled', async () => {
    const database = await openDatabase();
    const usage = new UsageRepository(database);
    const groupCommit = new GroupCommit(database);
    const insert = usageWrite(usage);
    proxy.swallowAnswerTo('commit');
    const results = await Promise.all(
      ['req_1', 'req_2'].map((requestId) => groupCommit.submit(insert, usageRecord({ requestId }))),
    );
    expect(results).toEqual(['existed', 'existed']);
    expect(await countRecords(database)).toBe(2n);
  });

  it('D4: a connection that dies between two statements fails the next one, not the process', async () => {
    const database = await openDatabase();
    const failure = inTransaction(database.kysely, async (trx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
      await onServer(directUrl, `select pg_terminate_backend(${rows[0]?.pid})`);
      await sql`select 1`.execute(trx);
    });
    await expect(failure).rejects.toMatchObject(UNAVAILABLE);
    await database.kysely.selectFrom('accounts').select('id').execute();
  });

  it('D6: a busy pool makes wait no longer than its deadline, then serves on', async () => {
    const kysely = new Kysely<Tables>({
      dialect: createPostgresDialect({ url, maxConnections: 1, acquireTimeoutMs: 100 }),
    });
    opened.push({ close: () => kysely.destroy() });
    await kysely.connection().execute(async () => {
      const waiting = Array.from({ length: 50 }, () => sql`select 1`.execute(kysely));
      for (const outcome of await Promise.allSettled(waiting)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: UNAVAILABLE });
      }
    });
    await sql`select 1`.execute(kysely);
  });

  it('D8: a statement over its time is cancelled, as unavailable', async () => {
    const kysely = new Kysely<Tables>({ dialect: createPostgresDialect({ url, statementTimeoutMs: 100 }) });
    opened.push({ close: () => kysely.destroy() });
    await expect(sql`select pg_sleep(60)`.execute(kysely)).rejects.toMatchObject(UNAVAILABLE);
    await sql`select 1`.execute(kysely);
  });

  it('P3: who stands still in a transaction keeps its rows from others no longer than they wait', async () => {
    const [frozen, other] = [await openDatabase(), await openDatabase()];
    const lock = sql`select id from accounts where id = 'acct_1' for update`;
    await sql`insert into accounts (id, name, created_at_ms) values ('acct_1', 'One', 1)`.execute(
      other.kysely,
    );
    const [locked, thawed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const late = inTransaction(frozen.kysely, async (trx) => {
      await lock.execute(trx);
      locked.resolve();
      await thawed.promise;
      await lock.execute(trx);
    });
    const failure: Promise<unknown> = late.catch((error: unknown) => error);
    await locked.promise;
    // The write that a charge waits for, within the time that it waits.
    const groupCommit = new GroupCommit(other);
    expect(await groupCommit.submit(lockFirst, 'acct_1')).toBe(1);
    thawed.resolve();
    expect(await failure).toMatchObject(UNAVAILABLE);
  });

  it('D7: a server that became read-only is unavailable for writes', async () => {
    const database = await openDatabase();
    const groupCommit = new GroupCommit(database, { deadlineMs: 150 });
    await expect(groupCommit.submit(writeOnStandby, '')).rejects.toMatchObject(UNAVAILABLE);
  });

  it('commits for several processes at the same time without losing or doubling a record', async () => {
    const replicas = await Promise.all([openDatabase(), openDatabase(), openDatabase()]);
    const results = await Promise.all(
      replicas.map(async (database) => {
        const usage = new UsageRepository(database);
        const insert = usageWrite(usage);
        const groupCommit = new GroupCommit(database, { maxBatch: 20 });
        return Promise.all(
          Array.from({ length: 100 }, (_, i) =>
            groupCommit.submit(insert, usageRecord({ requestId: `req_${i}` })),
          ),
        );
      }),
    );
    expect(results.flat()).toHaveLength(300);
    expect(await countRecords(replicas[0])).toBe(100n);
  });
});

const lockFirst: GroupWrite<string, number> = async (trx, [id]) => {
  const { rows } = await sql`select id from accounts where id = ${id} for update`.execute(trx);
  return [rows.length];
};

/** What a standby does, to which a failover has left us connected. */
const writeOnStandby: GroupWrite<string, undefined> = async (trx) => {
  await sql`set transaction read only`.execute(trx);
  await sql`insert into settings (key, value) values ('a', 'b')`.execute(trx);
  return [undefined];
};

async function countRecords(database: PostgresDatabase): Promise<bigint> {
  const { rows } = await sql<{ n: bigint }>`select count(*) as n from usage_records`.execute(database.kysely);
  return rows[0]?.n ?? -1n;
}

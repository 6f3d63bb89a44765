import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import { DataFolderLock } from '../../src/persistence/data-folder-lock.js';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';
import { StorageStartError } from '../../src/persistence/storage-start.error.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { temporaryFolder } from '../support/databases.js';
import { Child } from './fixtures/child.js';
import { usageRecord } from './fixtures/usage-record.js';
import { usageWrite } from './fixtures/usage-write.js';

let folder: string;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the lock on the data folder', () => {
  it('refuses a second process, naming the folder, the first process and the ways out', async () => {
    const child = new Child('write-until-killed.ts', folder);
    try {
      expect(await child.nextLine()).toBe('open');
      const failure = SqliteDatabase.open(folder);
      await expect(failure).rejects.toThrow(StorageStartError);
      await expect(failure).rejects.toThrow(
        new RegExp(`${folder} is in use by another Tollgate process \\(pid ${child.pid} on \\S+\\)`),
      );
      await expect(failure).rejects.toThrow(/Stop that one, set DATA_DIR .* or set DATABASE_URL/);
    } finally {
      await child.kill();
    }
  });

  it('P2: ends with kill -9 of its holder, and everything acknowledged until then is there', async () => {
    const child = new Child('write-until-killed.ts', folder);
    expect(await child.nextLine()).toBe('open');
    const acknowledged: string[] = [];
    while (acknowledged.length < 200) acknowledged.push((await child.nextLine()) ?? 'ended early');
    await child.kill();
    for (let line = await child.nextLine(); line !== undefined; line = await child.nextLine()) {
      acknowledged.push(line);
    }

    const database = await SqliteDatabase.open(folder);
    const { rows } = await sql<{ id: string }>`select request_id as id from usage_records`.execute(
      database.kysely,
    );
    const stored = new Set(rows.map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
    await database.close();
  });

  it('is held once within a process too, and free after release', () => {
    const lock = DataFolderLock.acquire(folder);
    expect(() => DataFolderLock.acquire(folder)).toThrow(StorageStartError);
    lock.release();
    DataFolderLock.acquire(folder).release();
  });

  it('names no process when it cannot know one', async () => {
    const lock = DataFolderLock.acquire(folder);
    await writeFile(join(folder, 'tollgate.pid'), 'not\u001b[31m a pid');
    expect(() => DataFolderLock.acquire(folder)).toThrow(/in use by another Tollgate process\. Stop/);
    lock.release();
  });
});

describe('the data folder', () => {
  it('is made when it is missing, for its owner only', async () => {
    const database = await SqliteDatabase.open(join(folder, 'new', 'data'));
    expect((await stat(join(folder, 'new', 'data'))).mode & 0o777).toBe(0o700);
    await database.close();
  });

  it('D7: is refused in one line when it cannot be used', async () => {
    await writeFile(join(folder, 'file'), '');
    const failure = SqliteDatabase.open(join(folder, 'file', 'data'));
    await expect(failure).rejects.toThrow(StorageStartError);
    await expect(failure).rejects.toThrow(/^The data folder \S+ cannot be used \(ENOTDIR.*set DATA_DIR/);
  });

  it('D7: is refused in one line when its database is no database', async () => {
    await mkdir(join(folder, 'data'));
    await writeFile(join(folder, 'data', 'tollgate.db'), 'These are my notes. '.repeat(200));
    await expect(SqliteDatabase.open(join(folder, 'data'))).rejects.toThrow(/not a database/);
  });
});

describe('D7: a disk that takes no more', () => {
  it.each([
    ['is full', 'pragma max_page_count = 1', 'pragma max_page_count = 1000000'],
    ['is read-only', 'pragma query_only = on', 'pragma query_only = off'],
  ])(
    '%s: writes fail as unavailable, reads go on, and writes too when there is room',
    async (_, break_, mend) => {
      const database = await SqliteDatabase.open(folder);
      const usage = new UsageRepository(database);
      const insert = usageWrite(usage);
      const groupCommit = new GroupCommit(database, { deadlineMs: 150 });
      await groupCommit.submit(insert, usageRecord({ requestId: 'req_before' }));

      await sql.raw(break_).execute(database.kysely);
      const long = 'x'.repeat(100_000);
      const failure = groupCommit.submit(insert, usageRecord({ requestId: 'req_lost', model: long }));
      await expect(failure).rejects.toMatchObject({ code: 'storage_unavailable' });
      await expect(
        usage.insertMany(database.kysely, [usageRecord({ requestId: 'req_lost', model: long })]),
      ).rejects.toMatchObject({
        code: 'storage_unavailable',
        message: expect.not.stringMatching(/insert|sql/i),
      });
      expect(await usage.findByRequestId('acct_1', 'req_before')).toBeDefined();

      await groupCommit.drain();
      await sql.raw(mend).execute(database.kysely);
      expect(await groupCommit.submit(insert, usageRecord({ requestId: 'req_after' }))).toBe('inserted');
      expect(await usage.findByRequestId('acct_1', 'req_lost')).toBeUndefined();
      await database.close();
    },
  );

  it('lets nothing of a transaction through that SQLite has rolled back by itself', async () => {
    const database = await SqliteDatabase.open(folder);
    const usage = new UsageRepository(database);
    const failure = inTransaction(database.kysely, async (trx) => {
      await usage.insertMany(trx, [usageRecord({ requestId: 'req_1' })]);
      await sql`rollback`.execute(trx);
      await usage.insertMany(trx, [usageRecord({ requestId: 'req_2' })]);
    });
    await expect(failure).rejects.toThrow(/rolled back by an earlier error/);
    expect(await usage.findByRequestId('acct_1', 'req_2')).toBeUndefined();
    await database.close();
  });
});

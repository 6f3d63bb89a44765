import { expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import { CommitUnknownError } from '../../src/persistence/commit-unknown.error.js';
import type { Database } from '../../src/persistence/database.js';
import { GroupCommit, type GroupWrite } from '../../src/persistence/group-commit.js';
import { SettingsRepository } from '../../src/persistence/settings.repository.js';
import { storageUnavailable } from '../../src/persistence/storage-unavailable.js';
import { eachDatabase } from '../support/databases.js';
import { usageRecord } from './fixtures/usage-record.js';
import { usageWrite } from './fixtures/usage-write.js';

const UNAVAILABLE = { code: 'storage_unavailable' };

/** Stores each item as a setting and notes which items came together. */
function settingsWrite(database: Database) {
  const settings = new SettingsRepository(database);
  const calls: string[][] = [];
  const write: GroupWrite<string, boolean> = async (trx, items) => {
    calls.push([...items]);
    const added: boolean[] = [];
    for (const item of items) added.push(await settings.putIfAbsent(item, 'x', trx));
    return added;
  };
  return { write, calls, settings };
}

const givesNoResult: GroupWrite<unknown, string> = async () => [];

function names(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

eachDatabase((_kind, open) => {
  it('commits what one turn of the event loop submits together, in order, no more than the cap at a time', async () => {
    const database = await open();
    const { write, calls } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { maxBatch: 100 });
    const items = names('item', 250);
    const results = await Promise.all(items.map((item) => groupCommit.submit(write, item)));
    expect(results.every(Boolean)).toBe(true);
    expect(calls.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect(calls.flat()).toEqual(items);
  });

  it('puts what arrives while a commit runs into the next one', async () => {
    const database = await open();
    const { write, calls } = settingsWrite(database);
    const groupCommit = new GroupCommit(database);
    const late: Promise<boolean>[] = [];
    await groupCommit.submit<string, boolean>(async (trx, items) => {
      late.push(...names('late', 3).map((item) => groupCommit.submit(write, item)));
      return write(trx, items);
    }, 'early');
    expect(await Promise.all(late)).toEqual([true, true, true]);
    expect(calls).toEqual([['early'], ['late0', 'late1', 'late2']]);
  });

  it('resolves only after the commit: what was acknowledged is there for others', async () => {
    const database = await open();
    const { write, settings } = settingsWrite(database);
    const groupCommit = new GroupCommit(database);
    await Promise.all(
      names('durable', 20).map(async (item) => {
        await groupCommit.submit(write, item);
        expect(await settings.find(item)).toBe('x');
      }),
    );
  });

  it('keeps kinds of one batch in one transaction and gives each submitter its own result', async () => {
    const database = await open();
    const { write } = settingsWrite(database);
    const usage = new UsageRepository(database);
    const insert = usageWrite(usage);
    const groupCommit = new GroupCommit(database);
    const results = await Promise.all([
      groupCommit.submit(write, 'a'),
      groupCommit.submit(insert, usageRecord({ requestId: 'req_1' })),
      groupCommit.submit(write, 'a'),
      groupCommit.submit(insert, usageRecord({ requestId: 'req_1' })),
    ]);
    expect(results).toEqual([true, 'inserted', false, 'existed']);
  });

  it('does not let one item that fails sink the others of its batch', async () => {
    const database = await open();
    const { write, settings } = settingsWrite(database);
    const usage = new UsageRepository(database);
    const insert = usageWrite(usage);
    const groupCommit = new GroupCommit(database);
    const outcomes = await Promise.allSettled([
      groupCommit.submit(insert, usageRecord({ requestId: 'req_good' })),
      groupCommit.submit(insert, usageRecord({ requestId: 'req_bad', costNanoUsd: -1n })),
      groupCommit.submit(insert, usageRecord({ requestId: 'req_fine' })),
      groupCommit.submit(write, 'beside'),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(await usage.findByRequestId('acct_1', 'req_good')).toBeDefined();
    expect(await usage.findByRequestId('acct_1', 'req_bad')).toBeUndefined();
    expect(await usage.findByRequestId('acct_1', 'req_fine')).toBeDefined();
    expect(await settings.find('beside')).toBe('x');
    expect(await groupCommit.submit(write, 'afterwards')).toBe(true);
  });

  it('gives the submitter what its write throws', async () => {
    const groupCommit = new GroupCommit(await open());
    const failure = groupCommit.submit(async () => {
      throw new Error('my own fault');
    }, undefined);
    await expect(failure).rejects.toThrow('my own fault');
    const outcomes = await Promise.allSettled([1, 2].map(() => groupCommit.submit(givesNoResult, undefined)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        reason: { message: expect.stringMatching(/one result for each item/) },
      });
    }
  });

  it('D3: tries again while the database is away, and stores once', async () => {
    const database = await open();
    const usage = new UsageRepository(database);
    const insert = usageWrite(usage);
    const groupCommit = new GroupCommit(database);
    let failures = 2;
    const shaky: typeof insert = async (trx, records) => {
      const results = await insert(trx, records);
      if (failures-- > 0) throw storageUnavailable('test');
      return results;
    };
    const results = await Promise.all(
      names('req_', 5).map((requestId) => groupCommit.submit(shaky, usageRecord({ requestId }))),
    );
    expect(results).toEqual(names('', 5).map(() => 'inserted'));
    const { rows } = await sql`select request_id from usage_records`.execute(database.kysely);
    expect(rows).toHaveLength(5);
  });

  it('D3: fails closed at the deadline, those still in the queue too, and serves on afterwards', async () => {
    const database = await open();
    const { write, settings } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { maxBatch: 2, deadlineMs: 200 });
    let away = true;
    const guarded: typeof write = async (trx, items) => {
      if (away) throw storageUnavailable('test');
      return write(trx, items);
    };
    const outcomes = await Promise.allSettled(
      names('lost', 5).map((item) => groupCommit.submit(guarded, item)),
    );
    expect(outcomes).toEqual(
      outcomes.map(() => ({ status: 'rejected', reason: expect.objectContaining(UNAVAILABLE) })),
    );
    away = false;
    await groupCommit.drain();
    expect(await groupCommit.submit(guarded, 'kept')).toBe(true);
    expect(await settings.find('lost0')).toBeUndefined();
  });

  it('D3: stores nothing of an item that was given up on before its write began', async () => {
    const database = await open();
    const { write, calls, settings } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { deadlineMs: 50 });
    const locked = Promise.withResolvers<void>();
    const given = groupCommit.submit(write, 'late', { lock: () => locked.promise, key: 'row' });
    const failure: unknown = await given.catch((error: unknown) => error);
    expect(failure).toMatchObject(UNAVAILABLE);
    expect(failure).not.toBeInstanceOf(CommitUnknownError);
    locked.resolve();
    await groupCommit.drain();
    expect(calls.flat()).toEqual([]);
    expect(await settings.find('late')).toBeUndefined();
  });

  it('D6: refuses at once when too much is waiting', async () => {
    const database = await open();
    const { write } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { maxPending: 3 });
    const outcomes = await Promise.allSettled(
      names('item', 5).map((item) => groupCommit.submit(write, item)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(await groupCommit.submit(write, 'room again')).toBe(true);
  });

  it('P1: closing stores what was submitted and refuses the rest', async () => {
    const database = await open();
    const { write } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { maxBatch: 10 });
    const submitted = names('item', 25).map((item) => groupCommit.submit(write, item));
    const closed = groupCommit.close();
    await expect(groupCommit.submit(write, 'too late')).rejects.toMatchObject(UNAVAILABLE);
    await closed;
    expect(await Promise.all(submitted)).toHaveLength(25);
  });

  it('fails as unavailable when the database is closed under it', async () => {
    const database = await open();
    const { write } = settingsWrite(database);
    const groupCommit = new GroupCommit(database, { deadlineMs: 100 });
    await database.close();
    await expect(groupCommit.submit(write, 'item')).rejects.toMatchObject(UNAVAILABLE);
  });
});

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, it } from '@jest/globals';
import { Client } from 'pg';
import type { Database } from '../../src/persistence/database.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { SqliteDatabase } from '../../src/persistence/sqlite-database.js';

/** Opens an empty, migrated database of its own; closed and removed when the describe block has ended. */
export type OpenDatabase = () => Promise<Database>;

/**
 * Declares the same tests once for each database that we support: SQLite in a temporary folder always, PostgreSQL when
 * `TEST_DATABASE_URL` names a server on which databases may be created, else one test that is visibly skipped.
 */
export function eachDatabase(define: (kind: Database['kind'], open: OpenDatabase) => void): void {
  describe('on SQLite', () => {
    const cleanups: (() => Promise<unknown>)[] = [];
    define('sqlite', async () => {
      const folder = await temporaryFolder();
      const database = await SqliteDatabase.open(folder);
      cleanups.push(
        () => database.close(),
        () => rm(folder, { recursive: true }),
      );
      return database;
    });
    afterAll(() => inOrder(cleanups));
  });

  onPostgres((newDatabaseUrl) => {
    const databases: Database[] = [];
    define('postgres', async () => {
      const database = await PostgresDatabase.open({ url: await newDatabaseUrl() });
      databases.push(database);
      return database;
    });
    afterAll(() => Promise.all(databases.map((database) => database.close())));
  });
}

/**
 * Tests for PostgreSQL alone; one skipped test without `TEST_DATABASE_URL`.
 * @param define gets a function that makes an empty database and gives its URL; it is dropped at the end
 */
export function onPostgres(define: (newDatabaseUrl: () => Promise<string>) => void): void {
  const serverUrl = process.env['TEST_DATABASE_URL'];
  describe('on PostgreSQL', () => {
    if (serverUrl === undefined) {
      // oxlint-disable-next-line jest/no-disabled-tests, jest/expect-expect -- counted and shown as skipped
      it.skip('needs TEST_DATABASE_URL', () => {});
      return;
    }
    const names: string[] = [];
    // `afterAll` hooks run in order of declaration: those of `define` still have their databases.
    define(async () => {
      const { name, url } = await createDatabase(serverUrl);
      names.push(name);
      return url;
    });
    afterAll(() =>
      inOrder(names.map((name) => () => onServer(serverUrl, `drop database ${name} with (force)`))),
    );
  });
}

export function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'tollgate-test-'));
}

/** Runs one statement on a connection of its own, past everything that is under test. */
export async function onServer(url: string, sql: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function inOrder(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (const step of steps) await step();
}

/** An empty PostgreSQL database where `TEST_DATABASE_URL` names a server, else `undefined`: SQLite then. */
export async function newDatabase(): Promise<{ url: string; drop: () => Promise<void> } | undefined> {
  const serverUrl = process.env['TEST_DATABASE_URL'];
  if (serverUrl === undefined) return undefined;
  const { name, url } = await createDatabase(serverUrl);
  return { url, drop: () => onServer(serverUrl, `drop database ${name} with (force)`) };
}

async function createDatabase(serverUrl: string): Promise<{ name: string; url: string }> {
  const name = `tollgate_test_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name}`);
  // No test outlives its server, so no commit need wait for the disk.
  await onServer(serverUrl, `alter database ${name} set synchronous_commit = off`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return { name, url: url.href };
}

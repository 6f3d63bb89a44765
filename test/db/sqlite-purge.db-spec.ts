import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Kysely, sql } from 'kysely';
import { SqliteDialect } from '../../src/persistence/dialects/sqlite-dialect.js';
import { migrate } from '../../src/persistence/migrate.js';
import { restAfter, SqlitePurge } from '../../src/persistence/sqlite-purge.js';
import type { Tables } from '../../src/persistence/tables.js';
import { temporaryFolder } from '../support/databases.js';

const MARK = 'WORDS-OF-THE-ERASED';
const ACCOUNT_ID = 'acct_of_the_answers';
const PAGE_BYTES = 4096;
const TABLE_LEAF = 0x0d;

const lines: string[] = [];
let told: () => void = () => undefined;
const keepLine = (line: unknown): void => {
  lines.push(String(line));
  told();
};
beforeAll(() => Logger.overrideLogger({ log: keepLine, warn: keepLine, error: keepLine }));
afterAll(() => Logger.overrideLogger(false));

/** Resolves when the log has a line that says so. */
async function logged(words: string): Promise<void> {
  while (!lines.some((line) => line.includes(words))) {
    const { promise, resolve } = Promise.withResolvers<void>();
    told = resolve;
    await promise;
  }
}

/** Tells what the purge does, which alone uses the connection directly. */
class WatchedDatabase extends DatabaseSync {
  checkpoints = 0;
  beforeBegin = (): void => undefined;
  beforeCommit = (): void => undefined;

  override exec(statement: string): void {
    if (statement.includes('begin immediate')) this.beforeBegin();
    if (statement === 'commit') this.beforeCommit();
    super.exec(statement);
  }

  override prepare(statement: string): ReturnType<DatabaseSync['prepare']> {
    if (statement.includes('wal_checkpoint')) this.checkpoints += 1;
    return super.prepare(statement);
  }
}

describe('SqlitePurge', () => {
  let folder: string;
  let path: string;
  let database: WatchedDatabase;
  let kysely: Kysely<Tables>;
  let purge: SqlitePurge;

  beforeEach(async () => {
    lines.splice(0);
    folder = await temporaryFolder();
    path = join(folder, 'tollgate.db');
    await open();
  });
  afterEach(async () => {
    await close();
    rmSync(folder, { recursive: true });
  });

  async function open(): Promise<void> {
    database = new WatchedDatabase(path, { timeout: 100 });
    database.exec('pragma journal_mode = wal; pragma synchronous = full; pragma secure_delete = on');
    kysely = new Kysely<Tables>({ dialect: new SqliteDialect(database) });
    await migrate(kysely, 'sqlite');
    purge = new SqlitePurge(database, kysely, path);
  }

  async function close(): Promise<void> {
    await purge.stop();
    await kysely.destroy();
    purge.close();
  }

  /**
   * Answers, and in the unused part of each page of them what SQLite leaves there when it moves rows.
   * @returns how many pages
   */
  async function keepAnswers(texts: readonly string[]): Promise<number> {
    for (const [n, body] of texts.entries()) {
      await kysely
        .insertInto('idempotency_records')
        .values({
          account_id: ACCOUNT_ID,
          idempotency_key: `key ${n}`,
          fingerprint: 'f'.repeat(64),
          owner: 'p',
          request_id: `req ${n}`,
          created_at_ms: 1n,
          body,
        })
        .execute();
    }
    await close();
    const file = readFileSync(path);
    let smudged = 0;
    for (let at = 0; at < file.length; at += PAGE_BYTES) {
      const page = file.subarray(at, at + PAGE_BYTES);
      const contentStart = page.readUInt16BE(5);
      const unused = contentStart - 8 - 2 * page.readUInt16BE(3);
      if (page[0] !== TABLE_LEAF || !page.includes(ACCOUNT_ID) || unused < 200) continue;
      page.write(MARK, contentStart - MARK.length, 'latin1');
      smudged += 1;
    }
    writeFileSync(path, file);
    await open();
    return smudged;
  }

  async function synchronous(): Promise<unknown> {
    const { rows } = await sql<{ synchronous: bigint }>`pragma synchronous`.execute(kysely);
    return Number(rows[0]?.synchronous);
  }
  const FULL = 2;

  /** How often the mark stands in the database's file and in its log. */
  function marks(): number {
    const files = [path, `${path}-wal`].map((file) => readFileSync(file).toString('latin1'));
    return files.join().split(MARK).length - 1;
  }

  it('goes on when another program that writes ends; meanwhile charges are as durable as ever', async () => {
    const texts = Array.from({ length: 30 }, (_, n) => (n % 5 === 0 ? '' : `kept ${n} `.repeat(90)));
    expect(await keepAnswers(texts)).toBeGreaterThan(2);
    const other = new DatabaseSync(path);
    database.beforeBegin = () => {
      database.beforeBegin = () => undefined;
      other.exec('begin immediate');
    };

    // Whoever deletes is let go after five seconds.
    await purge.purge();
    expect(lines).toEqual([expect.stringContaining('another program reads or writes the database')]);
    expect(await synchronous()).toBe(FULL);
    expect(marks()).toBeGreaterThan(0);
    other.exec('rollback');
    other.close();
    await logged('no other program keeps erased rows');
    await purge.purge();
    expect(marks()).toBe(0);
    expect(await synchronous()).toBe(FULL);
    const left = await kysely
      .selectFrom('idempotency_records')
      .select('body')
      .orderBy('created_at_ms')
      .execute();
    expect(left.map(({ body }) => body)).toEqual(texts);
  }, 30_000);

  it('rests nine times as long as it worked, a second at most, and after long work as long as that', () => {
    expect([0, 5, 26, 100].map(restAfter)).toEqual([0, 45, 234, 900]);
    expect([112, 500, 1_000].map(restAfter)).toEqual([1_000, 1_000, 1_000]);
    expect([1_001, 30_000].map(restAfter)).toEqual([1_001, 30_000]);
  });

  it('shares one purge among all who come while another is under way', async () => {
    await purge.purge();
    await Promise.all(Array.from({ length: 80 }, () => purge.purge()));
    expect(database.checkpoints).toBe(2);
  });

  it('rewrites a few megabytes of rows at once, however many pages have remnants', async () => {
    const bytes = 512 * 1024;
    expect(await keepAnswers(Array.from({ length: 60 }, () => 'x'.repeat(bytes)))).toBeGreaterThan(8);
    let [rewritten, most] = [0, 0];
    const changes = (): number => Number(database.prepare('select total_changes() as n').get()?.['n']);
    database.beforeBegin = () => {
      rewritten = changes();
    };
    database.beforeCommit = () => {
      most = Math.max(most, changes() - rewritten);
    };
    await purge.purge();
    // Each row is written twice: longer, and as it was.
    expect(most).toBeGreaterThan(2);
    expect((most / 2) * bytes).toBeLessThan(4 * 1024 * 1024);
    expect(marks()).toBe(0);
    expect(lines).toEqual([]);
  });
});

import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Logger } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { sqliteResultCode } from './dialects/sqlite-errors.js';
import { operatorMessage } from './operator-message.js';
import { FreePages } from './sqlite-free-pages.js';
import { growableRow, hasRemnants } from './sqlite-pages.js';
import type { Tables } from './tables.js';

const readAt = promisify(read);

/** A purge is followed by a rest so many times as long as it worked, but of at most a second, or as long as it worked. */
const REST_FACTOR = 9;
const LONG_REST_MS = 1_000;

/** Between two looks whether another program has let go of the files. */
const RETRY_MS = 250;

/** After so many whoever erased something waits no longer: 5 seconds. */
const MAX_RETRIES_WAITED = 20;

const CHUNK_BYTES = 1024 * 1024;

/** What is overwritten at once, some milliseconds in which nothing else runs: so many pages, or rows of so many bytes. */
const PAGES_AT_ONCE = 64;
const BYTES_AT_ONCE = 2 * 1024 * 1024;

const SQLITE_BUSY = 5;

const MAX_ROUNDS = 5;

/**
 * How long a purge leaves the database to others: small ones take a tenth of the time at most, however many are asked
 * for one after another.
 */
export function restAfter(workedMs: number): number {
  return Math.min(REST_FACTOR * workedMs, Math.max(LONG_REST_MS, workedMs));
}

/** Tables with people's words, and the column that has most of them. Those with fewer columns first. */
const WORDS = [
  { table: 'conversation_messages', first: 'conversation_id', text: 'body', columns: 10 },
  { table: 'idempotency_records', first: 'account_id', text: 'body', columns: 10 },
  { table: 'conversations', first: 'id', text: 'head', columns: 15 },
] as const;

/**
 * Removes what was deleted from the files of an open database.
 *
 * With `secure_delete` SQLite overwrites deleted rows, and the pages that become free, in the database. That leaves two
 * places. The write-ahead log has what was written since its last checkpoint: it is emptied. And when SQLite balances
 * its trees it copies rows to another page and leaves the old bytes where they were, in the page's unused part; delete
 * the row later, and that copy stays. Such pages are found by reading the file, and SQLite itself overwrites their
 * unused part: one of their rows is made so long that it fills the page, and then as it was.
 */
export class SqlitePurge {
  private readonly logger = new Logger('Database');
  private readonly database: DatabaseSync;
  private readonly kysely: Kysely<Tables>;
  /** Stays open as long as the database: closing any descriptor of the file drops the kernel's locks on it. */
  private readonly file: number;
  private readonly freePages: FreePages;
  private readonly closing = new AbortController();
  private pageBytes = 4096;
  private usableBytes = 4096;
  private next: Promise<void> | undefined;
  private running: Promise<void> = Promise.resolve();
  /** Ends the waiting of those who wait. */
  private readonly waiting = new Set<() => void>();
  private blocked = false;
  /** Of the purge that runs: how often it has found another program at the files, and waited for that. */
  private retries = 0;
  private waitedMs = 0;
  private notBeforeMs = 0;

  /**
   * @param path of the database's file
   * @param readers keeps the log from being emptied while it reads, for a short time each: it is waited for
   */
  constructor(
    database: DatabaseSync,
    kysely: Kysely<Tables>,
    path: string,
    private readonly readers?: Kysely<Tables>,
  ) {
    this.database = database;
    this.kysely = kysely;
    this.file = openSync(path, 'r');
    this.freePages = new FreePages(database);
  }

  /**
   * Resolves when what was deleted before is in none of the files any more; calls that come meanwhile share a next one. When
   * another program uses the database for longer than five seconds it resolves all the same: then the log tells of it,
   * and it is gone when that program ends.
   */
  purge(): Promise<void> {
    this.next ??= this.runNext();
    if (this.blocked) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.waiting.add(resolve);
    void this.next.then(() => {
      this.waiting.delete(resolve);
      resolve();
    });
    return promise;
  }

  /** Ends what is under way; the next start takes it up. Call before the database is closed. */
  async stop(): Promise<void> {
    this.closing.abort();
    await (this.next ?? this.running);
  }

  /** Call when the database has been closed. */
  close(): void {
    closeSync(this.file);
  }

  /** Never rejects. */
  private async runNext(): Promise<void> {
    await this.running;
    this.running = this.run().catch((error: unknown) => {
      if (this.closing.signal.aborted) return;
      this.logger.error(`what was erased may still be in the files: ${operatorMessage(error)}`);
    });
    await this.running;
  }

  private async run(): Promise<void> {
    await this.pause(this.notBeforeMs - performance.now());
    // Whoever comes from now on may have deleted more than this will find.
    this.next = undefined;
    this.retries = 0;
    this.waitedMs = 0;
    const startedMs = performance.now();
    try {
      await this.emptyLog();
      this.readHeader();
      await this.overwriteFreePages();
      let pages = await this.findRemnants();
      for (let round = 0; pages.length > 0 && round < MAX_ROUNDS; round++) {
        pages = await this.overwrite(pages);
      }
      if (pages.length > 0) {
        this.logger.warn(
          `${pages.length} pages have remnants of deleted rows that could not be overwritten; ` +
            'VACUUM removes them (sqlite3 tollgate.db vacuum, while Tollgate is stopped)',
        );
      }
    } finally {
      const endedMs = performance.now();
      this.notBeforeMs = endedMs + restAfter(endedMs - startedMs - this.waitedMs);
    }
  }

  /** Writes the log's pages to the database's file and cuts the log off. */
  private async emptyLog(): Promise<void> {
    await this.whenFree(() => {
      const { busy } = this.database.prepare('pragma wal_checkpoint(truncate)').get() ?? {};
      return busy === 0 ? true : undefined;
    });
  }

  /**
   * Tries until no other program is in the way; whoever waits for the purge is let go after a while.
   * @param work `undefined`, or an error that says so: another program reads or writes
   */
  private async whenFree<T>(work: () => T | undefined): Promise<T> {
    for (;;) {
      const result = await this.alone(() => this.unlessBusy(work));
      if (result !== undefined) {
        if (this.blocked) {
          this.logger.log('no report and no other program keeps erased rows in the files any more');
          this.blocked = false;
          this.retries = 0;
        }
        return result;
      }
      if (this.retries === 0) {
        this.logger.warn(
          'a report or another program reads or writes the database: what was erased stays in the files meanwhile',
        );
      }
      if (this.retries === MAX_RETRIES_WAITED) {
        this.blocked = true;
        for (const endWait of this.waiting) endWait();
        this.waiting.clear();
      }
      this.retries += 1;
      const waitsFromMs = performance.now();
      await this.pause(RETRY_MS);
      this.waitedMs += performance.now() - waitsFromMs;
    }
  }

  private unlessBusy<T>(work: () => T | undefined): T | undefined {
    // A wait would stop the whole process.
    const { timeout } = this.database.prepare('pragma busy_timeout').get() as { timeout: number };
    this.database.exec('pragma busy_timeout = 0');
    try {
      return work();
    } catch (error) {
      if (sqliteResultCode(error) === SQLITE_BUSY) return undefined;
      throw error;
    } finally {
      this.database.exec(`pragma busy_timeout = ${timeout}`);
    }
  }

  private readHeader(): void {
    const header = Buffer.alloc(100);
    readSync(this.file, header, 0, 100, 0);
    const pageBytes = header.readUInt16BE(16);
    this.pageBytes = pageBytes === 1 ? 65_536 : pageBytes;
    this.usableBytes = this.pageBytes - header.readUInt8(20);
  }

  /** Those that a deletion on a full disk has only freed. */
  private async overwriteFreePages(): Promise<void> {
    const { mark } = this.freePages;
    if (mark === undefined) return;
    for (let more = true; more;) {
      more = await this.whenFree(() => this.freePages.overwriteSome(this.usableBytes));
      await this.emptyLog();
      await nextTurn();
    }
    for (let more = true; more;) {
      more = await this.whenFree(() => this.freePages.freeSome(mark));
      await nextTurn();
    }
    await this.emptyLog();
  }

  private async findRemnants(): Promise<number[]> {
    const pages: number[] = [];
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let position = 0; position < fstatSync(this.file).size; position += CHUNK_BYTES) {
      this.closing.signal.throwIfAborted();
      const { bytesRead } = await readAt(this.file, chunk, 0, CHUNK_BYTES, position);
      for (let at = 0; at + this.pageBytes <= bytesRead; at += this.pageBytes) {
        if (hasRemnants(chunk.subarray(at, at + this.pageBytes)))
          pages.push((position + at) / this.pageBytes);
      }
    }
    return pages;
  }

  /**
   * @param pages by their place in the file, from 0
   * @returns those that still have remnants of people's words
   */
  private async overwrite(pages: readonly number[]): Promise<number[]> {
    const touched: number[] = [];
    for (let start = 0; start < pages.length;) {
      const some = pages.slice(start, start + PAGES_AT_ONCE);
      const done = await this.whenFree(() => this.overwriteNow(some));
      touched.push(...done.touched);
      start += done.pages;
      await nextTurn();
    }
    await this.emptyLog();
    const page = Buffer.alloc(this.pageBytes);
    return touched.filter((number) => hasRemnants(this.readPage(number, page)));
  }

  /**
   * Goes by the file: where the log has a newer page that can be too much or too little, and the next round sees to it.
   * @returns how many of the pages it got through, at least one, and those of them that it had something to do with
   */
  private overwriteNow(pages: readonly number[]): { pages: number; touched: number[] } {
    const page = Buffer.alloc(this.pageBytes);
    const touched: number[] = [];
    let looked = 0;
    let bytes = 0;
    try {
      // Not waited for at each commit: nothing is different afterwards, and emptying the log waits for the disk.
      this.database.exec('pragma synchronous = normal');
      this.database.exec('begin immediate');
      for (const number of pages) {
        if (bytes >= BYTES_AT_ONCE) break;
        const filled = this.fill(this.readPage(number, page));
        looked += 1;
        if (filled === undefined) continue;
        touched.push(number);
        bytes += filled;
      }
      this.database.exec('commit');
    } catch (error) {
      if (this.database.isTransaction) this.database.exec('rollback');
      throw error;
    } finally {
      // Charges are committed on this connection.
      this.database.exec('pragma synchronous = full');
    }
    return { pages: looked, touched };
  }

  /** @returns length of the row that was made longer; `undefined`: no remnants, or none of people's words */
  private fill(page: Buffer): number | undefined {
    if (!hasRemnants(page)) return undefined;
    const row = growableRow(page, this.usableBytes);
    if (row === undefined) return undefined;
    for (const { table, first, text, columns } of WORDS) {
      if (row.columns > columns) continue;
      const found = this.database
        .prepare(`select cast(${text} as blob) as said from ${table} where rowid = ? and ${first} = ?`)
        .get(row.rowid, row.first);
      if (found === undefined) continue;
      const said = found['said'] instanceof Uint8Array ? found['said'] : new Uint8Array();
      const update = this.database.prepare(`update ${table} set ${text} = cast(? as text) where rowid = ?`);
      update.run(Buffer.concat([said, Buffer.alloc(row.room, ' ')]), row.rowid);
      if (found['said'] === null) {
        this.database.prepare(`update ${table} set ${text} = null where rowid = ?`).run(row.rowid);
      } else {
        update.run(said, row.rowid);
      }
      return said.length;
    }
    return undefined;
  }

  private readPage(number: number, into: Buffer): Buffer {
    readSync(this.file, into, 0, this.pageBytes, number * this.pageBytes);
    return into;
  }

  /** Runs between transactions; what is synchronous there is seen by nobody half done. */
  private alone<T>(work: () => T): Promise<T> {
    this.closing.signal.throwIfAborted();
    const alone = (): Promise<T> => this.kysely.connection().execute(async () => work());
    return this.readers === undefined ? alone() : this.readers.connection().execute(alone);
  }

  private async pause(ms: number): Promise<void> {
    if (ms > 0) await pause(ms, undefined, { signal: this.closing.signal });
  }
}

import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Logger } from '@nestjs/common';
import { Kysely, type Transaction } from 'kysely';
import { DataFolderLock } from './data-folder-lock.js';
import { Database } from './database.js';
import { DiskReserve } from './disk-reserve.js';
import { SqliteDialect } from './dialects/sqlite-dialect.js';
import { SqliteThreadDialect } from './dialects/sqlite-thread-dialect.js';
import { migrate } from './migrate.js';
import { operatorMessage } from './operator-message.js';
import { StorageStartError } from './storage-start.error.js';
import { SqliteDeletion } from './sqlite-deletion.js';
import { SqlitePurge } from './sqlite-purge.js';
import { storageUnavailable } from './storage-unavailable.js';
import type { Tables } from './tables.js';
import { probeWrite, WriteCheck } from './write-check.js';

/**
 * Another program that holds the file (a backup, the `sqlite3` tool) makes us wait inside a synchronous call, which
 * stops the whole process. So the wait is short and `storage_unavailable` follows; writes in groups are tried again.
 */
const BUSY_TIMEOUT_MS = 100;

/** Of the disk, kept for charges: what else is stored takes nothing of it. */
const SPARE_BYTES = 4 * 1024 * 1024;

/** In the data folder. */
export const DATABASE_FILE = 'tollgate.db';

const LOW_DISK_EVERY_MS = 60_000;

const logger = new Logger('Database');

/** The embedded database: one file, one process; one connection that writes, and two that read on other threads. */
export class SqliteDatabase extends Database {
  readonly kind = 'sqlite';
  readonly #writes: WriteCheck;
  readonly #kysely: Kysely<Tables>;
  readonly #reports: Kysely<Tables>;
  readonly #texts: Kysely<Tables>;
  readonly #purge: SqlitePurge;
  readonly #lock: DataFolderLock;
  readonly #file: DatabaseSync;
  readonly #path: string;
  readonly #reserve: DiskReserve;
  readonly #deletion: SqliteDeletion;
  #lowDiskToldMs = -Infinity;
  #closed: Promise<void> | undefined;

  private constructor(
    file: DatabaseSync,
    path: string,
    kysely: Kysely<Tables>,
    writes: WriteCheck,
    lock: DataFolderLock,
    folder: string,
  ) {
    super();
    this.#file = file;
    this.#path = path;
    this.#reserve = new DiskReserve(folder, join(folder, 'tollgate.reserve'));
    this.#deletion = new SqliteDeletion(file, kysely, this.#reserve);
    this.#kysely = kysely;
    this.#writes = writes;
    this.#reports = readerOf(path);
    this.#texts = readerOf(path);
    this.#purge = new SqlitePurge(file, kysely, path, this.#texts);
    this.#lock = lock;
  }

  /**
   * Creates the folder where it is missing, locks it, opens the database and migrates it.
   * @throws StorageStartError when any of this fails
   */
  static async open(folder: string): Promise<SqliteDatabase> {
    let lock: DataFolderLock | undefined;
    let kysely: Kysely<Tables> | undefined;
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      lock = DataFolderLock.acquire(folder);
      const path = join(folder, DATABASE_FILE);
      const file = openFile(path);
      const opened = new Kysely<Tables>({
        dialect: new SqliteDialect(file, (error) => writes.failed(error)),
      });
      kysely = opened;
      const writes = new WriteCheck(() => probeWrite(opened), tellChange);
      await migrate(opened, 'sqlite');
      const database = new SqliteDatabase(file, path, opened, writes, lock, folder);
      // What an earlier life deleted and had no time to remove.
      void database.purgeDeleted();
      return database;
    } catch (error) {
      await kysely?.destroy();
      lock?.release();
      if (error instanceof StorageStartError) throw error;
      throw new StorageStartError(
        `The data folder ${folder} cannot be used (${operatorMessage(error)}). ` +
          'Check that it can be written and its disk has room, or set DATA_DIR to another folder.',
        { cause: error },
      );
    }
  }

  get ready(): boolean {
    return this.lastError === undefined;
  }

  get lastError(): string | undefined {
    return this.#writes.lastError;
  }

  isWritable(): Promise<boolean> {
    return this.#writes.isWritable();
  }

  get kysely(): Kysely<Tables> {
    if (this.#closed !== undefined) throw storageUnavailable('closed');
    return this.#kysely;
  }

  get reports(): Kysely<Tables> {
    if (this.#closed !== undefined) throw storageUnavailable('closed');
    return this.#reports;
  }

  get texts(): Kysely<Tables> {
    if (this.#closed !== undefined) throw storageUnavailable('closed');
    return this.#texts;
  }

  async whenReady(): Promise<void> {}

  deleting<T>(work: (trx: Transaction<Tables>, frugal: boolean) => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw storageUnavailable('closed');
    return this.#deletion.run(work);
  }

  refuseWithoutDisk(bytes: number): void {
    const { page_count: pages } = this.#file.prepare('pragma page_count').get() as { page_count: number };
    const { page_size: pageBytes } = this.#file.prepare('pragma page_size').get() as { page_size: number };
    // First the log has it, then the file.
    const growth = Math.max(0, pages * pageBytes - statSync(this.#path).size);
    if (this.#reserve.freeBytes() >= bytes + growth + SPARE_BYTES) return;
    this.#tellLowDisk();
    throw storageUnavailable('the disk has no room for more than charges');
  }

  async purgeDeleted(): Promise<void> {
    await this.#purge.purge();
    void this.#reserve.take();
  }

  #tellLowDisk(): void {
    const nowMs = performance.now();
    if (nowMs < this.#lowDiskToldMs + LOW_DISK_EVERY_MS) return;
    this.#lowDiskToldMs = nowMs;
    logger.error(
      'the disk is nearly full: nothing is stored any more but charges. Make room, or erase something',
    );
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#writes.stop();
    await this.#purge.stop();
    await this.#reserve.close();
    try {
      // The last to close the file writes the log back, which those that only read cannot.
      await Promise.all([this.#reports.destroy(), this.#texts.destroy()]);
      await this.#kysely.destroy();
    } finally {
      this.#purge.close();
      this.#lock.release();
    }
  }
}

function tellChange(lastError: string | undefined): void {
  if (lastError === undefined) logger.log('the database takes writes again');
  else logger.error(`the database cannot be written, trying on: ${lastError}`);
}

/** Begins nothing until it is asked for something. */
function readerOf(path: string): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new SqliteThreadDialect(path, BUSY_TIMEOUT_MS) });
}

function openFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    // FULL: a commit that was acknowledged survives a power cut, not only a crash of this process.
    database.exec(
      'pragma journal_mode = wal; pragma synchronous = full; pragma journal_size_limit = 67108864',
    );
    // Deleted rows are overwritten with zeros, and nothing is sorted in files that we do not know of.
    database.exec('pragma secure_delete = on; pragma temp_store = memory');
    // KiB: random pages of many conversations are read and written.
    database.exec('pragma cache_size = -32768');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

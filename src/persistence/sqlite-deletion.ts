import type { DatabaseSync } from 'node:sqlite';
import type { Kysely, Transaction } from 'kysely';
import { sqliteResultCode } from './dialects/sqlite-errors.js';
import type { DiskReserve } from './disk-reserve.js';
import { isStorageUnavailable } from './storage-unavailable.js';
import { markFreePages } from './sqlite-free-pages.js';
import type { Tables } from './tables.js';
import { inTransaction } from './transaction.js';

/** Of SQLite: an I/O error, as some file systems say that they are full, and a full disk. */
const NO_ROOM = new Set([10, 13]);

/**
 * Deletions, also where the disk is full. To delete a row writes more than it frees at first: with `secure_delete` each of
 * its pages goes through the write-ahead log once, and the log cannot grow. Then the reserve is given up, the log is cut
 * off, and the pages are not overwritten but only freed; the next purge overwrites them bit by bit.
 */
export class SqliteDeletion {
  constructor(
    private readonly database: DatabaseSync,
    private readonly kysely: Kysely<Tables>,
    private readonly reserve: DiskReserve,
  ) {}

  /** As `Database.deleting`. */
  async run<T>(work: (trx: Transaction<Tables>, frugal: boolean) => Promise<T>): Promise<T> {
    if (!this.reserve.spent) {
      try {
        return await inTransaction(this.kysely, (trx) => work(trx, false));
      } catch (error) {
        if (!saysNoRoom(error)) throw error;
      }
    }
    await this.reserve.release();
    // One connection, which nobody else has meanwhile.
    return this.kysely.connection().execute(async (connection) => {
      this.cutLog();
      this.database.exec('pragma secure_delete = fast');
      try {
        return await connection.transaction().execute(async (trx) => {
          await markFreePages(trx);
          return work(trx, true);
        });
      } finally {
        this.database.exec('pragma secure_delete = on');
        this.cutLog();
      }
    });
  }

  /** What of the log cannot be written back stays there. */
  private cutLog(): void {
    try {
      this.database.prepare('pragma wal_checkpoint(truncate)').get();
    } catch (error) {
      if (sqliteResultCode(error) === undefined) throw error;
    }
  }
}

function saysNoRoom(error: unknown): boolean {
  if (!isStorageUnavailable(error)) return false;
  const code = sqliteResultCode(error.cause);
  return code !== undefined && NO_ROOM.has(code);
}

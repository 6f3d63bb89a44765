import { readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sqliteResultCode } from './dialects/sqlite-errors.js';
import { removePidFile, writePidFile } from './pid-file.js';
import { StorageStartError } from './storage-start.error.js';

const SQLITE_BUSY = 5;

/** In the data folder. */
export const PID_FILE = 'tollgate.pid';

/**
 * Makes this process the only one on a data folder, until `release` or its death, however it dies.
 *
 * The kernel holds the lock: an exclusive transaction, never ended, on a small SQLite file of its own, so that the
 * database beside it stays readable by the `sqlite3` tool. `tollgate.pid` tells operators whom to send signals, and with
 * `tollgate.host` tells a second process whom to name.
 */
export class DataFolderLock {
  readonly #holder: DatabaseSync;
  readonly #pidFile: string;

  private constructor(holder: DatabaseSync, pidFile: string) {
    this.#holder = holder;
    this.#pidFile = pidFile;
  }

  /** @throws StorageStartError when another process (or this one) holds the folder */
  static acquire(folder: string): DataFolderLock {
    // Never open this file by other means in this process: closing any descriptor of it drops the kernel's lock.
    const holder = new DatabaseSync(join(folder, 'tollgate.lock'), { timeout: 0 });
    const pidFile = join(folder, PID_FILE);
    const hostFile = join(folder, 'tollgate.host');
    try {
      holder.exec('begin exclusive');
      // Whatever an earlier process left there is stale: its lock is gone.
      writePidFile(pidFile);
      writeFileSync(hostFile, `${hostname()}\n`);
      return new DataFolderLock(holder, pidFile);
    } catch (error) {
      holder.close();
      if (sqliteResultCode(error) !== SQLITE_BUSY) throw error;
      throw new StorageStartError(
        `The data folder ${folder} is in use by another Tollgate process${describeHolder(pidFile, hostFile)}. ` +
          'Stop that one, set DATA_DIR to another folder, or set DATABASE_URL to run several on PostgreSQL.',
        { cause: error },
      );
    }
  }

  release(): void {
    if (!this.#holder.isOpen) return;
    removePidFile(this.#pidFile);
    this.#holder.close();
  }
}

function describeHolder(pidFile: string, hostFile: string): string {
  try {
    const holder = `${readFileSync(pidFile, 'utf8').trim()} on ${readFileSync(hostFile, 'utf8').trim()}`;
    return /^\d+ on \S+$/.test(holder) ? ` (pid ${holder})` : '';
  } catch {
    return '';
  }
}

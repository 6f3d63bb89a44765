import { storageUnavailable } from '../storage-unavailable.js';

/**
 * Primary result codes that say "not now" or "not on this disk", rather than "not this statement".
 * @see https://www.sqlite.org/rescode.html (read 2026-11)
 */
const UNAVAILABLE = new Map([
  [5, 'BUSY'],
  [6, 'LOCKED'],
  [7, 'NOMEM'],
  [8, 'READONLY'],
  [10, 'IOERR'],
  [11, 'CORRUPT'],
  [13, 'FULL'],
  [14, 'CANTOPEN'],
  [26, 'NOTADB'],
]);

/** Of these, another program's lock and nothing else: it passes by itself. */
const LOCKED = new Set([5, 6]);

/** The primary result code of an error of `node:sqlite`; `undefined` for any other error. */
export function sqliteResultCode(error: unknown): number | undefined {
  // By shape: `instanceof Error` fails for errors of Node's own modules where the program runs in a `vm` context.
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** `storage_unavailable` for what the file or disk did; every other error as it is. */
export function fromSqliteError(error: unknown): unknown {
  const code = sqliteResultCode(error);
  return code !== undefined && UNAVAILABLE.has(code) ? storageUnavailable(error) : error;
}

/** Whether an error says that file or disk fail: full, read-only, broken; not that another program has locked it. */
export function isSqliteFault(error: unknown): boolean {
  const code = sqliteResultCode(error);
  return code !== undefined && UNAVAILABLE.has(code) && !LOCKED.has(code);
}

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

/** The primary result code of an error of `node:sqlite`; `undefined` for any other error. */
export function sqliteResultCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  return error.errcode & 0xff;
}

/** `storage_unavailable` for what the file or disk did; every other error as it is. */
export function fromSqliteError(error: unknown): unknown {
  const code = sqliteResultCode(error);
  return code !== undefined && UNAVAILABLE.has(code) ? storageUnavailable(error) : error;
}

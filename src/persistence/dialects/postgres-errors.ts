import { DatabaseError } from 'pg';
import { storageUnavailable } from '../storage-unavailable.js';

/**
 * SQLSTATE classes and codes that say "not now" or "not on this server", rather than "not this statement".
 * @see https://www.postgresql.org/docs/15/errcodes-appendix.html (read 2026-11)
 */
const UNAVAILABLE_CLASSES = new Set([
  '08', // connection exception
  '53', // insufficient resources: disk full, out of memory, too many connections
  '57', // operator intervention: shutdown, crash, still starting, statement timeout
  '58', // system error
]);
const UNAVAILABLE_CODES = new Set([
  '25006', // read-only: we reached a standby
  '25P03', // idle in transaction for too long
  '55P03', // lock timeout
]);

/** The server answers and takes no writes. */
const UNWRITABLE_CODES = new Set([
  '25006', // read-only
  '53100', // disk full
  '58030', // I/O error
]);

/** What an error of a running query means for the connection and for the caller. */
export interface PostgresFailure {
  /** `storage_unavailable` for what network and server did; every other error as it is. */
  readonly error: unknown;
  /** The connection is gone, or its state unknown: it must not be used again. */
  readonly connectionLost: boolean;
  /** The server answers, but its disk or role takes no writes. */
  readonly unwritable: boolean;
}

export function fromPostgresError(error: unknown): PostgresFailure {
  if (error instanceof DatabaseError) {
    const code = error.code ?? '';
    const unavailable = UNAVAILABLE_CODES.has(code) || UNAVAILABLE_CLASSES.has(code.slice(0, 2));
    return {
      error: unavailable ? storageUnavailable(error) : error,
      connectionLost: error.severity === 'FATAL' || error.severity === 'PANIC',
      unwritable: UNWRITABLE_CODES.has(code),
    };
  }
  // The driver's own errors (socket closed, no answer in time) carry no code; a TypeError is a mistake of ours.
  const ours = error instanceof TypeError || error instanceof RangeError;
  return { error: ours ? error : storageUnavailable(error), connectionLost: !ours, unwritable: false };
}

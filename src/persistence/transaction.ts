import { setTimeout as pause } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import { storageUnavailable } from './storage-unavailable.js';
import type { Tables } from './tables.js';

const MAX_ATTEMPTS = 6;

/**
 * Runs `work` in one transaction and commits. When the database breaks a deadlock or a serialization conflict at our
 * cost, all of it runs again, so `work` must have no effect but its queries, and must not wait for anything else.
 *
 * @throws DomainError `storage_unavailable` when the conflict outlasts the attempts; whatever `work` throws
 */
export async function inTransaction<T>(
  db: Kysely<Tables>,
  work: (trx: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (attempt === MAX_ATTEMPTS) throw storageUnavailable(error);
    }
    await pause(2 ** attempt);
  }
}

/** Serialization failure or deadlock; the message is the server's language, the code is not. */
export function isConflict(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false;
  return error.code === '40001' || error.code === '40P01';
}

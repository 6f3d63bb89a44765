import type { Kysely, Transaction } from 'kysely';
import type { Tables } from './tables.js';

/** Whether storage can be used now; what `/health/ready` and whoever must wait for the first connection ask. */
export abstract class DatabaseReadiness {
  /** True while the database is open, on our schema, and answered when last asked. */
  abstract readonly ready: boolean;
  /**
   * Whether it also takes writes, as far as it was known a few seconds ago: a full or read-only disk answers, and every
   * paid request fails. Never rejects.
   */
  abstract isWritable(): Promise<boolean>;
  /** Why not, in one line for logs and operators (it may name hosts); `undefined` while ready. */
  abstract readonly lastError: string | undefined;
  /** Resolves when the schema is in place for the first time, at once if it is; never, if that never happens. */
  abstract whenReady(): Promise<void>;
}

/** The one open database of this process. Injected under its class name; repositories take their queries from it. */
export abstract class Database extends DatabaseReadiness {
  abstract readonly kind: 'sqlite' | 'postgres';
  /**
   * Query builder over our tables. Whatever it runs fails with `storage_unavailable` when the database does not serve.
   * @throws DomainError `storage_unavailable` until the schema is in place, and after `close`
   */
  abstract get kysely(): Kysely<Tables>;
  /**
   * As `kysely`, for statements that read whole tables: it only reads. On SQLite another thread carries them out, one
   * after the other, and whatever has been committed by then is seen; so nothing else waits for them.
   */
  abstract get reports(): Kysely<Tables>;
  /** As `reports`, for texts of megabytes, which need not wait for a report. */
  abstract get texts(): Kysely<Tables>;
  /**
   * Runs a transaction that deletes, as `inTransaction` does. On SQLite it gets by where the disk is full: whoever is
   * asked to make room can.
   *
   * @param work may run twice; `frugal`: there is little room, so it is to touch some hundred rows at most
   * @throws DomainError `storage_unavailable`; whatever `work` throws
   */
  abstract deleting<T>(work: (trx: Transaction<Tables>, frugal: boolean) => Promise<T>): Promise<T>;
  /**
   * Refuses a transaction that lets somebody's data grow where that would leave the disk without room for charges. Call
   * when all is written, before the commit. On PostgreSQL the server's disk is its own matter.
   *
   * @param bytes by about how much
   * @throws DomainError `storage_unavailable`
   */
  abstract refuseWithoutDisk(bytes: number): void;
  /**
   * Removes what was deleted before from the files, as far as this kind of database lets us: on SQLite it is gone when
   * this resolves; on PostgreSQL the server is asked to clean up and nobody waits for it. Many calls share the work.
   * Never rejects.
   */
  abstract purgeDeleted(): Promise<void>;
  /** Waits for running queries, then lets go of sockets, files and locks. Idempotent. */
  abstract close(): Promise<void>;
}

import { setTimeout as pause } from 'node:timers/promises';
import { Kysely, sql, type Transaction } from 'kysely';
import { Database } from './database.js';
import { createPostgresDialect } from './dialects/postgres-dialect.js';
import { migrate } from './migrate.js';
import { operatorMessage } from './operator-message.js';
import { PostgresVacuum } from './postgres-vacuum.js';
import { StorageStartError } from './storage-start.error.js';
import { isStorageUnavailable, storageUnavailable } from './storage-unavailable.js';
import type { Tables } from './tables.js';
import { inTransaction } from './transaction.js';
import { probeWrite } from './write-check.js';

export interface PostgresDatabaseSettings {
  /** `postgres://…`, secret. */
  readonly url: string;
  /** Between two looks at whether the server serves. */
  readonly probeIntervalMs?: number;
  /** Called with each change of `lastError`, the first look's too; `undefined`: ready. */
  readonly onChange?: (lastError: string | undefined) => void;
}

/** DDL on a large table may take minutes, and so may the wait for another process that runs it. */
const MIGRATION_TIMEOUT_MS = 15 * 60_000;

/**
 * The server database. It may be down when we start or go away later: queries then fail with `storage_unavailable`,
 * and a probe in the background finds out when it is back, and migrates it if that is still to be done.
 */
export class PostgresDatabase extends Database {
  readonly kind = 'postgres';
  readonly #settings: PostgresDatabaseSettings;
  readonly #kysely: Kysely<Tables>;
  readonly #closing = new AbortController();
  readonly #firstReady = Promise.withResolvers<void>();
  #migrated = false;
  /** A write failed though the server answers; only a write that goes through says that this is over. */
  #unwritable = false;
  #lastError: string | undefined = 'not connected yet';
  readonly #vacuum: PostgresVacuum;
  #probing: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  private constructor(settings: PostgresDatabaseSettings) {
    super();
    this.#settings = settings;
    this.#kysely = new Kysely<Tables>({
      dialect: createPostgresDialect({
        url: settings.url,
        onUnwritable: (error) => this.#setUnwritable(error),
      }),
    });
    this.#vacuum = new PostgresVacuum(settings.url);
  }

  /**
   * Resolves with the database migrated, or, when the server does not serve, not ready yet.
   * @throws StorageStartError when the server serves but its schema is not ours to use
   */
  static async open(settings: PostgresDatabaseSettings): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(settings);
    try {
      await database.#look();
    } catch (error) {
      await database.close();
      throw error;
    }
    database.#probing = database.#probe();
    return database;
  }

  get ready(): boolean {
    return this.#lastError === undefined;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  get kysely(): Kysely<Tables> {
    if (this.#closed !== undefined) throw storageUnavailable('closed');
    if (!this.#migrated) throw storageUnavailable(this.#lastError);
    return this.#kysely;
  }

  isWritable(): Promise<boolean> {
    return Promise.resolve(this.ready);
  }

  get reports(): Kysely<Tables> {
    return this.kysely;
  }

  get texts(): Kysely<Tables> {
    return this.kysely;
  }

  whenReady(): Promise<void> {
    return this.#firstReady.promise;
  }

  deleting<T>(work: (trx: Transaction<Tables>, frugal: boolean) => Promise<T>): Promise<T> {
    return inTransaction(this.kysely, (trx) => work(trx, false));
  }

  refuseWithoutDisk(): void {}

  async purgeDeleted(): Promise<void> {
    this.#vacuum.request();
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#probing;
    await this.#vacuum.stop();
    await this.#kysely.destroy();
  }

  async #probe(): Promise<void> {
    const { signal } = this.#closing;
    const { probeIntervalMs = 2_000 } = this.#settings;
    while (!signal.aborted) {
      // Never rejects: an abort ends the wait early, and the loop with it.
      await pause(probeIntervalMs, undefined, { signal, ref: false }).catch(() => undefined);
      // A schema that is not ours is fatal at the start only; later it is a reason not to be ready.
      if (!signal.aborted)
        await this.#look().catch((error: unknown) => this.#setReadiness(operatorMessage(error)));
    }
  }

  /** @throws StorageStartError */
  async #look(): Promise<void> {
    try {
      if (this.#migrated) await this.#lookForWrites();
      else await migrateAt(this.#settings.url);
    } catch (error) {
      if (!isStorageUnavailable(error)) throw error;
      this.#setReadiness(operatorMessage(error));
      return;
    }
    this.#migrated = true;
    this.#setReadiness(undefined);
    this.#firstReady.resolve();
  }

  /** A server that has become a standby says so; one whose disk is full only when it is written to. */
  async #lookForWrites(): Promise<void> {
    const { rows } = await sql<{ read_only: string }>`
      select current_setting('transaction_read_only') as read_only`.execute(this.#kysely);
    if (rows[0]?.read_only === 'on') throw storageUnavailable(new Error('the server is read-only'));
    if (!this.#unwritable) return;
    await probeWrite(this.#kysely);
    this.#unwritable = false;
  }

  #setUnwritable(error: unknown): void {
    this.#unwritable = true;
    this.#setReadiness(operatorMessage(error));
  }

  #setReadiness(lastError: string | undefined): void {
    const changed = lastError !== this.#lastError;
    this.#lastError = lastError;
    if (changed) this.#settings.onChange?.(lastError);
  }
}

/** On a connection of its own, whose statements may take their time. */
async function migrateAt(url: string): Promise<void> {
  const kysely = new Kysely<Tables>({
    dialect: createPostgresDialect({ url, maxConnections: 1, statementTimeoutMs: MIGRATION_TIMEOUT_MS }),
  });
  try {
    await migrate(kysely, 'postgres');
  } catch (error) {
    if (error instanceof StorageStartError || isStorageUnavailable(error)) throw error;
    throw new StorageStartError(`The PostgreSQL database cannot be used: ${operatorMessage(error)}.`, {
      cause: error,
    });
  } finally {
    await kysely.destroy();
  }
}

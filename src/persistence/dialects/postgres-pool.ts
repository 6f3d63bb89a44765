import { Pool, type PoolClient } from 'pg';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import { storageUnavailable } from '../storage-unavailable.js';
import { fromPostgresError } from './postgres-errors.js';
import { POSTGRES_TYPES } from './postgres-types.js';

export interface PostgresPoolSettings {
  /** `postgres://…`, secret. */
  readonly url: string;
  readonly maxConnections: number;
  /** For a connection to be opened, and for a free one of a busy pool. */
  readonly acquireTimeoutMs: number;
  /** For one statement on the server; 0: none. The client gives up `NETWORK_SLACK_MS` later. */
  readonly statementTimeoutMs: number;
  /** Told of each error that says that the server answers and takes no writes. */
  readonly onUnwritable?: ((error: unknown) => void) | undefined;
}

/** A statement that the server would have cancelled by now will never be answered: the network is gone. */
const NETWORK_SLACK_MS = 2_000;

/**
 * A `pg` pool as Kysely wants it, on which every failure to serve is `storage_unavailable`, a connection of unknown
 * state is never used again, and a connection that dies while somebody holds it does not take the process with it.
 */
export function createPostgresPool(settings: PostgresPoolSettings): PostgresPool {
  const { statementTimeoutMs } = settings;
  const pool = new Pool({
    connectionString: settings.url,
    application_name: 'tollgate',
    max: settings.maxConnections,
    connectionTimeoutMillis: settings.acquireTimeoutMs,
    idleTimeoutMillis: 30_000,
    // A process that stands still in a transaction keeps the accounts in it from all others. Less than they wait.
    idle_in_transaction_session_timeout: 3_000,
    keepAlive: true,
    types: POSTGRES_TYPES,
    ...(statementTimeoutMs > 0 && {
      statement_timeout: statementTimeoutMs,
      query_timeout: statementTimeoutMs + NETWORK_SLACK_MS,
    }),
  });
  // An `error` event without a listener ends the process; who runs a query learns of the loss by its rejection.
  pool.on('error', ignore);
  pool.on('connect', (client) => client.on('error', ignore));

  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      try {
        return new GuardedClient(await pool.connect(), settings.onUnwritable);
      } catch (error) {
        throw storageUnavailable(error);
      }
    },
  };
}

function ignore(): void {}

/** One borrowing of one connection. */
class GuardedClient implements PostgresPoolClient {
  private readonly client: PoolClient;
  private lost = false;

  constructor(
    client: PoolClient,
    private readonly onUnwritable: ((error: unknown) => void) | undefined,
  ) {
    this.client = client;
  }

  // Kysely's interface has a second form, for cursors; without a cursor class in its configuration it never calls it.
  readonly query = (async (sql: string, parameters: readonly unknown[]) => {
    try {
      return await this.client.query(sql, [...parameters]);
    } catch (cause) {
      const { error, connectionLost, unwritable } = fromPostgresError(cause);
      this.lost ||= connectionLost;
      if (unwritable) this.onUnwritable?.(error);
      throw error;
    }
  }) as unknown as PostgresPoolClient['query'];

  release(destroy = false): void {
    this.client.release(destroy || this.lost);
  }
}

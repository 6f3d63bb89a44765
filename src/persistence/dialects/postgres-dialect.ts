import { PostgresDialect } from 'kysely';
import { createPostgresPool, type PostgresPoolSettings } from './postgres-pool.js';

const DEFAULTS = { maxConnections: 10, acquireTimeoutMs: 3_000, statementTimeoutMs: 10_000 } as const;

/** Kysely's PostgreSQL over our pool. Destroying the Kysely instance closes the pool. */
export function createPostgresDialect(
  settings: Pick<PostgresPoolSettings, 'url'> & Partial<PostgresPoolSettings>,
): PostgresDialect {
  return new PostgresDialect({ pool: createPostgresPool({ ...DEFAULTS, ...settings }) });
}

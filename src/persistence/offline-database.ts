import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely, type Dialect } from 'kysely';
import type { DataPlace } from '../config/cli-config.js';
import { createPostgresDialect } from './dialects/postgres-dialect.js';
import { SqliteDialect } from './dialects/sqlite-dialect.js';
import { DATABASE_FILE } from './sqlite-database.js';
import { operatorMessage } from './operator-message.js';
import { StorageStartError } from './storage-start.error.js';
import type { Tables } from './tables.js';

/** A server that writes holds the file for milliseconds. */
const BUSY_TIMEOUT_MS = 5_000;

/**
 * Does one small thing on the database of a server, running or not, as it is: nothing is made, locked or migrated.
 * @throws StorageStartError where there is none, or it cannot be used
 */
export async function withDatabase<T>(
  place: DataPlace,
  work: (db: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  const kysely = new Kysely<Tables>({ dialect: dialectOf(place) });
  try {
    return await work(kysely);
  } catch (error) {
    throw new StorageStartError(`The database of the server cannot be used: ${operatorMessage(error)}`, {
      cause: error,
    });
  } finally {
    await kysely.destroy();
  }
}

function dialectOf({ dataDir, databaseUrl }: DataPlace): Dialect {
  if (databaseUrl !== undefined) return createPostgresDialect({ url: databaseUrl });
  const path = join(dataDir, DATABASE_FILE);
  if (!existsSync(path)) {
    throw new StorageStartError(
      `There is no ${path}. Call this where the server is started, or set DATA_DIR or DATABASE_URL as it has them.`,
    );
  }
  return new SqliteDialect(new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS }));
}

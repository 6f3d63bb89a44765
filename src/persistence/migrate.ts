import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { MIGRATIONS } from './migrations/migrations.js';
import { operatorMessage } from './operator-message.js';
import { StorageStartError } from './storage-start.error.js';
import { isStorageUnavailable } from './storage-unavailable.js';
import type { Tables } from './tables.js';

const MIGRATION_TABLE = 'schema_migrations';

/**
 * Brings the schema up to date: all missing migrations in one transaction, so that a crash or failure leaves none of
 * them behind. Of several processes one does the work and the others wait: on PostgreSQL at an advisory lock, which
 * ends with its session; on SQLite the data folder's lock keeps others out.
 *
 * @throws StorageStartError when the schema is from a newer Tollgate or was altered by other hands
 * @throws DomainError `storage_unavailable` when the database does not serve
 */
export async function migrate(
  db: Kysely<Tables>,
  kind: 'sqlite' | 'postgres',
  migrations: Readonly<Record<string, Migration>> = MIGRATIONS,
): Promise<void> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: MIGRATION_TABLE,
    migrationLockTableName: `${MIGRATION_TABLE}_lock`,
    // Else Kysely takes a table of that name in anybody's schema for ours.
    ...(kind === 'postgres' && { migrationTableSchema: await currentSchema(db) }),
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (isStorageUnavailable(error)) throw error;

  const failed = results?.find(({ status }) => status === 'Error')?.migrationName;
  if (failed === undefined) await refuseUnknownMigrations(db, Object.keys(migrations), error);
  throw new StorageStartError(
    `The database schema cannot be brought up to date${failed === undefined ? '' : ` (migration ${failed})`}: ` +
      `${operatorMessage(error)}. Nothing was changed. Restore the database from a backup, or start on an empty one.`,
    { cause: error },
  );
}

async function currentSchema(db: Kysely<Tables>): Promise<string> {
  const { rows } = await sql<{ schema: string | null }>`select current_schema() as schema`.execute(db);
  const schema = rows[0]?.schema;
  if (typeof schema === 'string') return schema;
  throw new StorageStartError(
    'The PostgreSQL user has no schema to create tables in. Create one on its search_path, or grant it one.',
  );
}

/** @throws StorageStartError naming the migrations that this version does not have, if there are any */
async function refuseUnknownMigrations(
  db: Kysely<Tables>,
  known: readonly string[],
  cause: unknown,
): Promise<void> {
  const applied = await sql<{ name: string }>`select name from ${sql.table(MIGRATION_TABLE)}`
    .execute(db)
    .then(({ rows }) => rows.map(({ name }) => name))
    .catch((): string[] => []); // no such table yet: `cause` says more
  const unknown = applied.filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  throw new StorageStartError(
    `The database was migrated by a newer Tollgate (it has ${unknown.sort().join(', ')}). ` +
      'Start that version or a later one, or restore a backup from before the upgrade.',
    { cause },
  );
}

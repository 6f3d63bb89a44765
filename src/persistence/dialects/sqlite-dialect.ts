import type { DatabaseSync } from 'node:sqlite';
import {
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
} from 'kysely';
import { SqliteDriver } from './sqlite-driver.js';

/** Kysely's SQLite over `node:sqlite`. Destroying the Kysely instance closes `database`. */
export class SqliteDialect implements Dialect {
  readonly #database: DatabaseSync;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault told of each error that says that file or disk fail */
  constructor(database: DatabaseSync, onFault: (error: unknown) => void = () => undefined) {
    this.#database = database;
    this.#onFault = onFault;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#database, this.#onFault);
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new TransactionalDdlAdapter();
  }

  createIntrospector(db: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(db);
  }
}

/** SQLite rolls DDL back as PostgreSQL does; Kysely assumes the contrary, so a crash could leave half a migration. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

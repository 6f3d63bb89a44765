import type { DatabaseSync } from 'node:sqlite';
import type { Driver } from 'kysely';
import { SqliteDriver } from './sqlite-driver.js';
import { SqliteLanguage } from './sqlite-language.js';

/** Kysely's SQLite over `node:sqlite`. Destroying the Kysely instance closes `database`. */
export class SqliteDialect extends SqliteLanguage {
  readonly #database: DatabaseSync;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault told of each error that says that file or disk fail */
  constructor(database: DatabaseSync, onFault: (error: unknown) => void = () => undefined) {
    super();
    this.#database = database;
    this.#onFault = onFault;
  }

  createDriver(): Driver {
    return new SqliteDriver(this.#database, this.#onFault);
  }
}

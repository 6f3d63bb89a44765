import type { DatabaseSync } from 'node:sqlite';
import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely';
import { fromSqliteError, isSqliteFault } from './sqlite-errors.js';
import { SqliteStatement } from './sqlite-statement.js';

/** More texts than the house has queries; texts with a varying number of parameters must not grow it without end. */
const MAX_CACHED_STATEMENTS = 256;

/**
 * Kysely over one `node:sqlite` connection. Kysely hands the connection to one user at a time, so a transaction never
 * sees another's statements. Statements run synchronously: what is awaited between `begin` and `commit` is no I/O.
 */
export class SqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: SqliteConnection;

  /** @param onFault told of each error that says that file or disk fail */
  constructor(database: DatabaseSync, onFault: (error: unknown) => void) {
    this.#database = database;
    this.#connection = new SqliteConnection(database, onFault);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<SqliteConnection> {
    return this.#connection;
  }

  async releaseConnection(): Promise<void> {}

  async beginTransaction(connection: SqliteConnection, settings: TransactionSettings): Promise<void> {
    connection.begin(settings.accessMode === 'read only' ? 'begin' : 'begin immediate');
  }

  async commitTransaction(connection: SqliteConnection): Promise<void> {
    connection.commit();
  }

  async rollbackTransaction(connection: SqliteConnection): Promise<void> {
    connection.rollback();
  }

  async destroy(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  /** By SQL text, least recently used first. */
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #onFault: (error: unknown) => void;
  #inTransaction = false;

  constructor(database: DatabaseSync, onFault: (error: unknown) => void) {
    this.#database = database;
    this.#onFault = onFault;
  }

  begin(sql: 'begin' | 'begin immediate'): void {
    this.#translatingErrors(() => this.#database.exec(sql));
    this.#inTransaction = true;
  }

  commit(): void {
    this.#assertTransactionStands();
    this.#translatingErrors(() => this.#database.exec('commit'));
    this.#inTransaction = false;
  }

  rollback(): void {
    this.#inTransaction = false;
    if (this.#database.isTransaction) this.#translatingErrors(() => this.#database.exec('rollback'));
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    this.#assertTransactionStands();
    return this.#translatingErrors(() => {
      const statement = this.#prepare(sql);
      return statement.isReader
        ? { rows: statement.all(parameters) as R[] }
        : { rows: [], numAffectedRows: statement.run(parameters) };
    });
  }

  async *streamQuery<R>({ sql, parameters }: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    // Not from the cache: another run of the same text would reset this iteration.
    const statement = this.#translatingErrors(() => new SqliteStatement(this.#database, sql));
    for (const row of statement.iterate(parameters)) yield { rows: [row as R] };
  }

  #prepare(sql: string): SqliteStatement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = new SqliteStatement(this.#database, sql);
      if (this.#statements.size >= MAX_CACHED_STATEMENTS) {
        const [oldest] = this.#statements.keys();
        if (oldest !== undefined) this.#statements.delete(oldest);
      }
    } else {
      this.#statements.delete(sql);
    }
    this.#statements.set(sql, statement);
    return statement;
  }

  /**
   * On a full disk or an I/O error SQLite may roll back by itself; a caller who swallowed that error would go on in
   * autocommit mode. PostgreSQL refuses everything until the rollback, and so do we.
   * @see https://www.sqlite.org/lang_transaction.html §3.2 (read 2026-11)
   */
  #assertTransactionStands(): void {
    if (this.#inTransaction && !this.#database.isTransaction) {
      throw new Error('The transaction was rolled back by an earlier error');
    }
  }

  #translatingErrors<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isSqliteFault(error)) this.#onFault(error);
      throw fromSqliteError(error);
    }
  }
}

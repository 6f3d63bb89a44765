import type { CompiledQuery, DatabaseConnection, Driver, QueryResult } from 'kysely';
import { SqliteLanguage } from './sqlite-language.js';
import { storageUnavailable } from '../storage-unavailable.js';
import { rowConverter, toSqliteValue } from './sqlite-statement.js';
import { SqliteThread } from './sqlite-thread.js';

/**
 * Kysely's SQLite over a `SqliteThread`: reads only, on one connection, which Kysely hands to one user at a time.
 * Destroying the Kysely instance ends the thread.
 */
export class SqliteThreadDialect extends SqliteLanguage {
  /** @param timeoutMs how long a statement waits where another program has the file */
  constructor(
    private readonly path: string,
    private readonly timeoutMs: number,
  ) {
    super();
  }

  createDriver(): Driver {
    return new SqliteThreadDriver(new SqliteThread(this.path, this.timeoutMs));
  }
}

class SqliteThreadDriver implements Driver {
  private readonly connection: ThreadConnection;

  constructor(private readonly thread: SqliteThread) {
    this.connection = new ThreadConnection(thread);
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ThreadConnection> {
    return this.connection;
  }

  async releaseConnection(): Promise<void> {}

  beginTransaction(connection: ThreadConnection): Promise<void> {
    return connection.begin();
  }

  commitTransaction(connection: ThreadConnection): Promise<void> {
    return connection.end('commit');
  }

  rollbackTransaction(connection: ThreadConnection): Promise<void> {
    return connection.end('rollback');
  }

  destroy(): Promise<void> {
    return this.thread.close();
  }
}

class ThreadConnection implements DatabaseConnection {
  /** Of the thread on which a transaction was begun. */
  private life: number | undefined;

  constructor(private readonly thread: SqliteThread) {}

  async begin(): Promise<void> {
    await this.thread.run('begin', []);
    this.life = this.thread.life;
  }

  async end(sql: 'commit' | 'rollback'): Promise<void> {
    const stands = this.life === this.thread.life;
    this.life = undefined;
    if (stands) await this.thread.run(sql, []);
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    // Its snapshot went with the thread: what another one reads is of another moment.
    if (this.life !== undefined && this.life !== this.thread.life) throw storageUnavailable('snapshot lost');
    const { columns, rows } = await this.thread.run(sql, parameters.map(toSqliteValue));
    const convert = rowConverter(columns.map(([name, type]) => ({ name, type })));
    for (const row of rows) convert(row as never);
    return { rows: rows as R[] };
  }

  // oxlint-disable-next-line require-yield -- nothing of ours streams from here
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Reads on another thread come whole');
  }
}

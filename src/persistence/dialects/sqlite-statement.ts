import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

export type SqliteRow = Record<string, SQLOutputValue | boolean>;

/**
 * A prepared statement whose rows look as PostgreSQL's do: `integer` columns as `number`, `boolean` columns as
 * `boolean`, `bigint` columns and whole-number expressions as `bigint`. The driver itself knows only "all or none".
 */
export class SqliteStatement {
  /** False for statements that give no rows. */
  readonly isReader: boolean;
  readonly #statement: StatementSync;
  readonly #convert: (row: SqliteRow) => SqliteRow;

  constructor(database: DatabaseSync, sql: string) {
    this.#statement = database.prepare(sql, { readBigInts: true });
    const columns = this.#statement.columns();
    this.isReader = columns.length > 0;
    this.#convert = rowConverter(columns);
  }

  all(parameters: readonly unknown[]): SqliteRow[] {
    const rows: SqliteRow[] = this.#statement.all(...parameters.map(toSqliteValue));
    for (const row of rows) this.#convert(row);
    return rows;
  }

  /** Row by row; the statement must not run again before the iteration has ended. */
  *iterate(parameters: readonly unknown[]): IterableIterator<SqliteRow> {
    for (const row of this.#statement.iterate(...parameters.map(toSqliteValue))) yield this.#convert(row);
  }

  /** @returns how many rows were changed */
  run(parameters: readonly unknown[]): bigint {
    return BigInt(this.#statement.run(...parameters.map(toSqliteValue)).changes);
  }
}

/** Makes of a row, in place, what `SqliteStatement` promises, by the declared types of its columns. */
export function rowConverter(
  columns: readonly { readonly name: string; readonly type: string | null }[],
): (row: SqliteRow) => SqliteRow {
  const ofType = (wanted: string): string[] =>
    columns.filter(({ type }) => type?.toLowerCase() === wanted).map(({ name }) => name);
  const integers = ofType('integer');
  const booleans = ofType('boolean');
  return (row) => {
    for (const name of integers) if (row[name] !== null) row[name] = Number(row[name]);
    for (const name of booleans) if (row[name] !== null) row[name] = row[name] === 1n;
    return row;
  };
}

/** SQLite has no booleans; what it cannot bind at all, the driver refuses with a TypeError. */
export function toSqliteValue(value: unknown): SQLInputValue {
  return typeof value === 'boolean' ? Number(value) : (value as SQLInputValue);
}

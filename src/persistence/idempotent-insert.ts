import { sql, type Insertable, type Kysely } from 'kysely';
import { CompiledOnce, slots } from './compiled-once.js';
import type { Tables } from './tables.js';

/** Rows of one statement; with two dozen columns far below what either database binds (32,766 and 65,535). */
const MAX_ROWS = 128;

/**
 * `insert … on conflict do nothing` for many rows at once. Sizes are powers of two: 50 rows go as 32 + 16 + 2, in three
 * texts that stay prepared.
 */
export class IdempotentInsert<Table extends keyof Tables & string> {
  private readonly insert: CompiledOnce<unknown>;

  /** @param key unique column of type text: a row whose key is taken is left out */
  constructor(
    table: Table,
    private readonly columns: readonly (keyof Insertable<Tables[Table]> & string)[],
    key: keyof Insertable<Tables[Table]> & string,
  ) {
    this.insert = new CompiledOnce((_, valueCount) => {
      const row = sql`(${sql.join(slots(columns.length))})`;
      const rows = Array.from({ length: valueCount / columns.length }, () => row);
      return sql`insert into ${sql.table(table)} (${sql.join(columns.map((column) => sql.ref(column)))})
        values ${sql.join(rows)} on conflict (${sql.ref(key)}) do nothing`;
    });
  }

  async execute(db: Kysely<Tables>, rows: readonly Insertable<Tables[Table]>[]): Promise<void> {
    for (const values of this.valuesOf(rows)) await this.insert.execute(db, values);
  }

  /** Of one statement after the other. */
  private *valuesOf(rows: readonly Insertable<Tables[Table]>[]): IterableIterator<unknown[]> {
    for (let start = 0; start < rows.length;) {
      const end = start + largestPowerOfTwo(Math.min(rows.length - start, MAX_ROWS));
      const values: unknown[] = [];
      for (const row of rows.slice(start, end)) for (const column of this.columns) values.push(row[column]);
      yield values;
      start = end;
    }
  }
}

function largestPowerOfTwo(atMost: number): number {
  return 2 ** Math.floor(Math.log2(atMost));
}

import { CompiledQuery, sql, type Insertable, type Kysely } from 'kysely';
import type { Tables } from './tables.js';

/** Rows of one statement; with two dozen columns far below what either database binds (32,766 and 65,535). */
const MAX_ROWS = 128;

/**
 * `insert … on conflict do nothing` for many rows at once. The SQL is built once per size and sizes are powers of two,
 * because building it anew costs more than running it: 50 rows go as 32 + 16 + 2, in three texts that stay prepared.
 */
export class IdempotentInsert<Table extends keyof Tables & string> {
  readonly #sqlByRows = new Map<number, string>();

  /** @param key unique column of type text: a row whose key is taken is left out */
  constructor(
    private readonly table: Table,
    private readonly columns: readonly (keyof Insertable<Tables[Table]> & string)[],
    private readonly key: keyof Insertable<Tables[Table]> & string,
  ) {}

  /** @returns the keys of the rows that were added; the others existed */
  async execute(db: Kysely<Tables>, rows: readonly Insertable<Tables[Table]>[]): Promise<Set<string>> {
    const added = new Set<string>();
    let start = 0;
    while (start < rows.length) {
      const size = largestPowerOfTwo(Math.min(rows.length - start, MAX_ROWS));
      const parameters = rows.slice(start, start + size).flatMap((row) => this.columns.map((c) => row[c]));
      const query = CompiledQuery.raw(this.#sqlFor(db, size), parameters);
      const result = await db.executeQuery<{ key: string }>(query);
      for (const { key } of result.rows) added.add(key);
      start += size;
    }
    return added;
  }

  #sqlFor(db: Kysely<Tables>, rowCount: number): string {
    let text = this.#sqlByRows.get(rowCount);
    if (text === undefined) {
      const row = sql`(${sql.join(this.columns.map(() => null))})`;
      text =
        sql`insert into ${sql.table(this.table)} (${sql.join(this.columns.map((column) => sql.ref(column)))})
        values ${sql.join(Array.from({ length: rowCount }, () => row))}
        on conflict (${sql.ref(this.key)}) do nothing returning ${sql.ref(this.key)} as key`.compile(db).sql;
      this.#sqlByRows.set(rowCount, text);
    }
    return text;
  }
}

function largestPowerOfTwo(atMost: number): number {
  return 2 ** Math.floor(Math.log2(atMost));
}

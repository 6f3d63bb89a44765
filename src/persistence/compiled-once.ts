import type { CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './tables.js';

const SLOT = Symbol('slot');

/** Stands in a query for a value that each run brings; see `CompiledOnce`. */
export function slot<Value>(): Value {
  return SLOT as Value;
}

export function slots<Value>(count: number): Value[] {
  return Array.from({ length: count }, () => slot<Value>());
}

/** What Kysely's builders and its `sql` give. */
interface Buildable<Row> {
  compile(db: Kysely<Tables>): CompiledQuery<Row>;
}

/**
 * A query that is built and compiled once for each number of values, and then only run: building a query costs more than
 * running it. Of one text, it also stays prepared.
 */
export class CompiledOnce<Row = unknown> {
  private readonly bySize = new Map<number, CompiledQuery<Row>>();

  /** @param build gives the query, with a slot for each value */
  constructor(private readonly build: (db: Kysely<Tables>, size: number) => Buildable<Row>) {}

  /** @param values for the slots, in the order in which they stand in the query's text */
  async execute(db: Kysely<Tables>, values: readonly unknown[]): Promise<Row[]> {
    const query = this.compiled(db, values.length);
    let next = 0;
    const parameters = query.parameters.map((value) => (value === SLOT ? values[next++] : value));
    const { rows } = await db.executeQuery<Row>({ ...query, parameters });
    return rows;
  }

  private compiled(db: Kysely<Tables>, size: number): CompiledQuery<Row> {
    let query = this.bySize.get(size);
    if (query === undefined) {
      query = this.build(db, size).compile(db);
      this.bySize.set(size, query);
    }
    return query;
  }
}

/** `CompiledOnce` for a list of any length: filled up with its last value to a power of two, so that texts are few. */
export class CompiledForList<Row = unknown> {
  readonly #query: CompiledOnce<Row>;

  /** @param build gives the query, in which the list stands behind one `in` */
  constructor(build: (db: Kysely<Tables>, list: string[]) => Buildable<Row>) {
    this.#query = new CompiledOnce((db, size) => build(db, slots(size)));
  }

  /** @param list not empty */
  execute(db: Kysely<Tables>, list: readonly string[]): Promise<Row[]> {
    const size = 2 ** Math.ceil(Math.log2(list.length));
    const last = list.length - 1;
    return this.#query.execute(
      db,
      Array.from({ length: size }, (_, index) => list[Math.min(index, last)]),
    );
  }
}

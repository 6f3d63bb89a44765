import { sql, type RawBuilder } from 'kysely';

/**
 * A value that stands in the text of a query itself. Of a parameter SQLite does not know what it will be: it leaves an
 * index of part of a table (`where state = 'open'`) alone and reads the whole table.
 *
 * @param value a constant of ours
 */
export function literal<const Value extends string>(value: Value): RawBuilder<Value> {
  return sql.lit(value);
}

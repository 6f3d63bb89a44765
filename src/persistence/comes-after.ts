import { sql, type RawBuilder, type SqlBool } from 'kysely';
import type { PagePosition } from '../common/page.js';

/**
 * True for rows that come after a position in lists that are sorted by time, newest first unless said otherwise; for
 * all rows without one. By value, not by number of rows: what is inserted meanwhile neither repeats a row on the next
 * page nor hides one.
 */
export function comesAfter(
  position: PagePosition | undefined,
  order: 'asc' | 'desc' = 'desc',
): RawBuilder<SqlBool> {
  if (position === undefined) return sql<SqlBool>`1 = 1`;
  const { createdAtMs, id } = position;
  return order === 'asc'
    ? sql<SqlBool>`(created_at_ms, id) > (${BigInt(createdAtMs)}, ${id})`
    : sql<SqlBool>`(created_at_ms, id) < (${BigInt(createdAtMs)}, ${id})`;
}

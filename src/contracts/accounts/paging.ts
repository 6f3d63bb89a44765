import type { Page, PagePosition, PageRequest } from '../../common/page.js';
import { Field } from '../validation/field.decorator.js';
import { integer, text } from '../validation/primitives.js';
import { ValidationFailedError } from '../validation/validation.errors.js';

export const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

/** A list on the wire. */
export interface ListAnswer<Row> {
  readonly object: 'list';
  readonly data: readonly Row[];
  readonly has_more: boolean;
  /** To be sent as `cursor` for what follows; `null`: nothing does. */
  readonly next_cursor: string | null;
}

/** The query fields of every list. */
export class PageDto {
  @Field(integer({ min: 1, max: MAX_LIMIT }), {
    description: 'Rows of a page.',
    default: DEFAULT_LIMIT,
  })
  limit?: number;

  @Field(text({ max: 512 }), { description: '`next_cursor` of the page before.' })
  cursor?: string;
}

/** @throws ValidationFailedError for a cursor that is none of ours */
export function toPageRequest({ limit = DEFAULT_LIMIT, cursor }: PageDto): PageRequest {
  return { limit, after: cursor === undefined ? undefined : readPosition(cursor) };
}

export function toListAnswer<Row extends object, Wire>(
  { rows, hasMore }: Page<Row>,
  positionOf: (row: Row) => PagePosition,
  toWire: (row: Row) => Wire,
): ListAnswer<Wire> {
  const last = rows.at(-1);
  return {
    object: 'list',
    data: rows.map(toWire),
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? writePosition(positionOf(last)) : null,
  };
}

/** Text that only we can read makes no promise about what is in it. */
export function writeCursor(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url');
}

/** @throws ValidationFailedError */
export function readCursor(cursor: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (Array.isArray(parts)) return parts;
  } catch {
    // Told below.
  }
  throw badCursor(cursor);
}

export function badCursor(cursor: string): ValidationFailedError {
  const expected = 'a next_cursor of this list';
  return new ValidationFailedError(
    [{ kind: 'pattern', expected, path: ['cursor'], input: cursor }],
    { cursor },
    'query',
  );
}

function writePosition({ createdAtMs, id }: PagePosition): string {
  return writeCursor([createdAtMs, id]);
}

const ID = /^[A-Za-z0-9_-]{1,64}$/;

function readPosition(cursor: string): PagePosition {
  const [createdAtMs, id] = readCursor(cursor);
  if (typeof createdAtMs !== 'number' || !Number.isSafeInteger(createdAtMs)) throw badCursor(cursor);
  if (typeof id !== 'string' || !ID.test(id)) throw badCursor(cursor);
  return { createdAtMs, id };
}

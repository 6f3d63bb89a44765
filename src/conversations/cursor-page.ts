import { Field } from '../contracts/validation/field.decorator.js';
import { choice, integer, text } from '../contracts/validation/primitives.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';

export const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

export type Order = 'asc' | 'desc';

/** The query fields of OpenAI's lists. */
export class CursorPageDto {
  @Field(integer({ min: 1, max: MAX_LIMIT }), { description: 'Entries of a page.', default: DEFAULT_LIMIT })
  limit?: number;

  @Field(text({ max: 512 }), { description: '`last_id` of the page before.' })
  after?: string;

  @Field(choice('asc', 'desc'), { description: '`asc`: oldest first; `desc`: newest first.' })
  order?: Order;
}

/** A list on the wire, as the pages of OpenAI's clients read it. */
export interface CursorPage<Entry> {
  readonly object: 'list';
  readonly data: Entry[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

export function toCursorPage<Entry extends { readonly id: string }>(
  data: Entry[],
  hasMore: boolean,
): CursorPage<Entry> {
  return {
    object: 'list',
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: hasMore,
  };
}

/** For an `after` that names nothing in the list, or nothing any more. */
export function badAfter(after: string): ValidationFailedError {
  const expected = 'the id of an entry of this list';
  return new ValidationFailedError(
    [{ kind: 'pattern', expected, path: ['after'], input: after }],
    { after },
    'query',
  );
}

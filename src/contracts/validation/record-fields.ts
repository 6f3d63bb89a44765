/** Constraints of fields that many kinds of records have. */
import { MAX_INT32 } from './limits.js';
import { integer, text } from './primitives.js';

export const NO_CONTROLS = {
  pattern: /^[^\p{Cc}\p{Cs}\u2028\u2029]*$/u,
  expected: 'a string without control characters',
} as const;

export const name = text({ min: 1, max: 256, ...NO_CONTROLS });

/** An id as a filter: any text that a database takes. One that nothing has finds nothing. */
export const idFilter = text({ max: 256, ...NO_CONTROLS });

/** Of a record, raised by every change. */
export const version = integer({ min: 1, max: MAX_INT32 });

import { findJsonFault } from './json-fault.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';

/** Levels of arrays and objects. JSON Schemas nest some twenty deep; recursion over 200 is safe anywhere. */
export const MAX_JSON_DEPTH = 200;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses a request's JSON text. What comes out may be walked recursively, merged, stored and sent on: no deeper than
 * `MAX_JSON_DEPTH`, no own `__proto__` key, no half of a surrogate pair in any text (replaced by U+FFFD, as a client
 * that cut an emoji in two means no harm). Of a repeated key the last counts, as in every JavaScript.
 *
 * @throws ValidationFailedError with one `malformed_json` issue that repeats nothing of the text
 */
export function parseJson(text: string): unknown {
  const tooDeepAt = findExcessDepth(text, MAX_JSON_DEPTH);
  if (tooDeepAt !== -1) throw malformed(`Nesting deeper than ${MAX_JSON_DEPTH} levels`, tooDeepAt);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the text, which may hold a secret.
    const { reason, position } = findJsonFault(text);
    throw malformed(reason, position);
  }
  // Either fault needs one of these in the text; without them the value need not be walked.
  return text.includes('__proto__') || text.includes('\\u') ? cleansed(value) : value;
}

function malformed(reason: string, position: number): ValidationFailedError {
  return new ValidationFailedError(
    [{ kind: 'malformed_json', reason, position, path: [], input: undefined }],
    undefined,
  );
}

/**
 * Where arrays and objects first nest deeper than `maxDepth`, or -1. One pass, before `JSON.parse` builds anything;
 * strings, the bulk of large bodies, are skipped by native search. Of malformed text the answer means nothing more.
 */
export function findExcessDepth(text: string, maxDepth: number): number {
  // Each level takes a character to open.
  if (text.length <= maxDepth) return -1;
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case QUOTE:
        i = endOfString(text, i);
        if (i === -1) return -1;
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        if (depth > maxDepth) return i;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      default:
    }
  }
  return -1;
}

/** Index of the quote that closes the string opened at `start`, or -1. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slash = end;
    while (text.charCodeAt(slash - 1) === BACKSLASH) slash -= 1;
    if ((end - slash) % 2 === 0) return end;
  }
  return -1;
}

/** Mends in place what `JSON.parse` made. Recursive: the depth is known to be small. */
function cleansed(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed();
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) value[i] = cleansed(value[i]);
    return value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const object = value as Record<string, unknown>;
  if (Object.hasOwn(object, '__proto__')) delete object['__proto__'];
  for (const key of Object.keys(object)) {
    const field = object[key];
    if (typeof field === 'string' ? !field.isWellFormed() : typeof field === 'object') {
      object[key] = cleansed(field);
    }
  }
  return value;
}

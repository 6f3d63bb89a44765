import { setImmediate } from 'node:timers/promises';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { noteLostName } from '../contracts/validation/lost-names.js';
import { tooManyValues } from './body.errors.js';
import { findJsonFault, findJsonFaultInTurns } from './json-fault.js';
import { endOfString, planSlices, type BigValue, type JsonLimits, type Piece } from './json-slices.js';

/** Levels of arrays and objects. JSON Schemas nest some twenty deep; recursion over 200 is safe anywhere. */
export const MAX_JSON_DEPTH = 200;

/**
 * Arrays, objects, keys and texts of one body: what costs time and memory out of proportion to its bytes. Eight
 * thousand messages are a tenth of it.
 */
export const MAX_JSON_VALUES = 500_000;
/** Commas of one body, so numbers as well: a prompt may be two million token ids. */
export const MAX_JSON_ITEMS = 4_000_000;

const LIMITS: JsonLimits = { depth: MAX_JSON_DEPTH, values: MAX_JSON_VALUES, items: MAX_JSON_ITEMS };

/** From so many characters on a text is parsed in slices. Below, even the dearest takes a few milliseconds. */
const SLICED_FROM_CHARS = 64 * 1024;

/** Others have their turn after this much work. */
const SLICE_MS = 8;

/**
 * Parses a request's JSON text. What comes out may be walked recursively, merged, stored and sent on: no deeper than
 * `MAX_JSON_DEPTH`, no more than `MAX_JSON_VALUES`, no own `__proto__` key, no half of a surrogate pair in any text or
 * key (replaced by U+FFFD, as a client that cut an emoji in two means no harm). Of a repeated key the last counts, as in
 * every JavaScript. A large text is parsed in slices, between which others have their turn.
 *
 * @throws ValidationFailedError with one `malformed_json` issue that repeats nothing of the text
 * @throws DomainError `request_too_large` for too many values
 */
export async function parseJson(text: string): Promise<unknown> {
  const suspect = text.includes('__proto__') || text.includes('\\u');
  if (text.length < SLICED_FROM_CHARS) {
    refuseDepth(findExcessDepth(text, MAX_JSON_DEPTH));
    return parsePart(text, suspect);
  }
  const turns = new Turns();
  const plan = await planSlices(text, LIMITS, SLICED_FROM_CHARS, turns);
  if (plan === 'no JSON') {
    const { reason, position } = await findJsonFaultInTurns(text, turns);
    throw malformed(reason, position);
  }
  if (plan === 'too many') throw tooManyValues(MAX_JSON_VALUES, MAX_JSON_ITEMS);
  if (typeof plan === 'number') refuseDepth(plan);
  return typeof plan === 'object'
    ? new SliceReader(text, suspect, turns).whole(plan)
    : parsePart(text, suspect);
}

function refuseDepth(at: number): void {
  if (at !== -1) throw malformed(`Nesting deeper than ${MAX_JSON_DEPTH} levels`, at);
}

/**
 * Where arrays and objects first nest deeper than `maxDepth`, or -1. One pass, before `JSON.parse` builds anything. Of
 * malformed text the answer means nothing more.
 */
export function findExcessDepth(text: string, maxDepth: number): number {
  // Each level takes a character to open.
  if (text.length <= maxDepth) return -1;
  let depth = 0;
  for (let i = 0; i < text.length; i += 1) {
    switch (text.charCodeAt(i)) {
      case 0x22: // "
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

/** Gives others their turn when one has worked for long. */
export class Turns {
  private sinceMs = performance.now();

  get due(): boolean {
    return performance.now() - this.sinceMs > SLICE_MS;
  }

  async give(): Promise<void> {
    await setImmediate();
    this.sinceMs = performance.now();
  }
}

function malformed(reason: string, position: number): ValidationFailedError {
  return new ValidationFailedError(
    [{ kind: 'malformed_json', reason, position, path: [], input: undefined }],
    undefined,
  );
}

class SliceReader {
  constructor(
    private readonly text: string,
    /** It may hold what has to be cleansed; without it the values need not be walked. */
    private readonly suspect: boolean,
    private readonly turns: Turns,
  ) {}

  async whole(root: BigValue): Promise<unknown> {
    // In place of a big value an empty one: what is wrong before it shows as it would in the whole text.
    this.parse('', 0, root.start, '[]');
    const value = await this.value(root);
    this.blank(root.end, this.text.length, 'Extra data');
    return value;
  }

  private value(big: BigValue): Promise<unknown> {
    return big.isArray ? this.array(big) : this.object(big);
  }

  private async array({ pieces }: BigValue): Promise<unknown[]> {
    const all: unknown[] = [];
    if (this.isEmpty(pieces)) return all;
    for (const piece of pieces) {
      if (this.turns.due) await this.turns.give();
      const { start, end, big } = piece;
      if (big === undefined) {
        this.notBlank(piece, 'Expecting value');
        for (const item of this.parse('[', start, end, ']') as unknown[]) all.push(item);
      } else {
        this.parse('[', start, big.start, '[]]');
        all.push(await this.value(big));
        this.blank(big.end, end, "Expecting ',' delimiter");
      }
    }
    return all;
  }

  private async object({ pieces }: BigValue): Promise<Record<string, unknown>> {
    const all: Record<string, unknown> = {};
    if (this.isEmpty(pieces)) return all;
    for (const piece of pieces) {
      if (this.turns.due) await this.turns.give();
      const { start, end, big } = piece;
      if (big === undefined) {
        this.notBlank(piece, 'Expecting property name enclosed in double quotes');
        const members = this.parse('{', start, end, '}') as Record<string, unknown>;
        for (const key of Object.keys(members)) all[key] = members[key];
      } else {
        const [key] = Object.keys(this.parse('{', start, big.start, '[]}') as object);
        const value = await this.value(big);
        this.blank(big.end, end, "Expecting ',' delimiter");
        if (key === undefined) noteLostName(all);
        else all[key] = value;
      }
    }
    return all;
  }

  /** @param before and `after`: what makes JSON of a part of the text */
  private parse(before: string, start: number, end: number, after: string): unknown {
    const part = `${before}${this.text.slice(start, end)}${after}`;
    return parsePart(part, this.suspect, start - before.length);
  }

  /** Nothing but white space between the brackets. */
  private isEmpty([first, second]: readonly Piece[]): boolean {
    if (first === undefined || first.big !== undefined || second !== undefined) return false;
    return firstVisible(this.text, first.start, first.end) === first.end;
  }

  private blank(start: number, end: number, reason: string): void {
    const at = firstVisible(this.text, start, end);
    if (at < end) throw malformed(reason, at);
  }

  /** Between two commas, or a comma and the end, there must be something. */
  private notBlank({ start, end }: Piece, reason: string): void {
    const at = firstVisible(this.text, start, end);
    if (at === end) throw malformed(reason, end);
  }
}

/** @param offset of the part in the whole text */
function parsePart(part: string, suspect: boolean, offset = 0): unknown {
  let value: unknown;
  try {
    value = JSON.parse(part);
  } catch {
    // The engine's own message quotes the text, which may hold a secret.
    const { reason, position } = findJsonFault(part);
    throw malformed(reason, offset + position);
  }
  return suspect ? cleansed(value) : value;
}

const VISIBLE = /[^ \t\n\r]/g;

/** Index of the first character that is no white space of JSON, or `end`. */
function firstVisible(text: string, start: number, end: number): number {
  VISIBLE.lastIndex = start;
  const found = VISIBLE.test(text) ? VISIBLE.lastIndex - 1 : end;
  return Math.min(found, end);
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
  if (Object.hasOwn(object, '__proto__')) {
    delete object['__proto__'];
    noteLostName(object);
  }
  const keys = Object.keys(object);
  // Mended, two keys may be one: of those the last counts, as of any others.
  if (!keys.every((key) => key.isWellFormed())) return withSoundKeys(object, keys);
  for (const key of keys) {
    const field = object[key];
    if (typeof field === 'string' ? !field.isWellFormed() : typeof field === 'object') {
      object[key] = cleansed(field);
    }
  }
  return value;
}

function withSoundKeys(object: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  const sound: Record<string, unknown> = {};
  for (const key of keys) sound[key.toWellFormed()] = cleansed(object[key]);
  return sound;
}

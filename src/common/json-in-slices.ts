import { Slices } from './slices.js';

/** Characters of a piece: a millisecond of work or less. */
const PIECE = 128 * 1024;

/** Characters between two turns of the event loop. */
const PER_TURN = 1024 * 1024;

/** What a value adds to its text beside its strings, about. */
const OF_ANY_VALUE = 8;

/**
 * A value as `JSON.stringify` writes it, in pieces, with turns for others in between: for values with texts of
 * megabytes. No piece ends between the halves of a character.
 *
 * @param value data alone: nothing with a `toJSON`
 */
export async function* jsonInSlices(value: unknown): AsyncGenerator<string> {
  const slices = new Slices(PER_TURN);
  for (const piece of jsonPieces(value)) {
    yield piece;
    await slices.after(piece.length);
  }
}

/** As `jsonInSlices`, in one text. */
export async function jsonTextInSlices(value: unknown): Promise<string> {
  const pieces: string[] = [];
  for await (const piece of jsonInSlices(value)) pieces.push(piece);
  return pieces.join('');
}

/** As `jsonInSlices`, as bytes. */
export async function jsonBuffers(value: unknown): Promise<Buffer[]> {
  const buffers: Buffer[] = [];
  for await (const piece of jsonInSlices(value)) buffers.push(Buffer.from(piece));
  return buffers;
}

/** A text in pieces, with turns for others in between. */
export async function textBuffers(text: string): Promise<Buffer[]> {
  const slices = new Slices(PER_TURN);
  const buffers: Buffer[] = [];
  for (let at = 0; at < text.length;) {
    const end = endOfPiece(text, at);
    buffers.push(Buffer.from(text.slice(at, end)));
    await slices.after(end - at);
    at = end;
  }
  return buffers;
}

/** As `jsonInSlices`; the caller gives others their turns. */
export function* jsonPieces(value: unknown): Generator<string> {
  if (roughJsonLength(value, PIECE) <= PIECE) {
    yield JSON.stringify(value) ?? 'null';
    return;
  }
  if (typeof value === 'string') {
    yield '"';
    for (let at = 0; at < value.length;) {
      const end = endOfPiece(value, at);
      yield JSON.stringify(value.slice(at, end)).slice(1, -1);
      at = end;
    }
    yield '"';
    return;
  }
  if (Array.isArray(value)) {
    let separator = '[';
    for (const item of value) {
      yield separator;
      yield* jsonPieces(item);
      separator = ',';
    }
    yield ']';
    return;
  }
  let separator = '{';
  for (const [name, member] of Object.entries(value as object)) {
    if (member === undefined) continue;
    yield `${separator}${JSON.stringify(name)}:`;
    yield* jsonPieces(member);
    separator = ',';
  }
  yield separator === '{' ? '{}' : '}';
}

function endOfPiece(text: string, start: number): number {
  const end = Math.min(start + PIECE, text.length);
  const last = text.charCodeAt(end - 1);
  return end < text.length && last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

/** About how many characters the JSON of a value has; stops where it has more than `most`. */
export function roughJsonLength(value: unknown, most: number): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return OF_ANY_VALUE;
  let weight = OF_ANY_VALUE;
  for (const name in value) {
    weight += name.length + roughJsonLength((value as Record<string, unknown>)[name], most - weight);
    if (weight > most) break;
  }
  return weight;
}

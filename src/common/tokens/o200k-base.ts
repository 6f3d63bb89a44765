import { readFile } from 'node:fs/promises';
import { O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';
import { Slices } from '../slices.js';
import { LowestFirst } from './lowest-first.js';
import { O200K_BASE_FILE } from './o200k-base-file.js';

/** Read between two turns of the event loop: a few milliseconds. */
const LINES_PER_TURN = 4_096;

/** Above all ranks. */
const NO_RANK = 0x3fff_ffff;

let loading: Promise<O200kBase> | undefined;

/**
 * The encoding `o200k_base`, that of OpenAI's current models. It is read at first use, some 30 MB that most processes never
 * need, and in turns: to import it as a module stops the process for a tenth of a second.
 */
export function o200kBase(): Promise<O200kBase> {
  return (loading ??= readO200kBase().catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
}

/** Byte pairs, where a string holds bytes: a character for each. */
export class O200kBase {
  private readonly ranks = new Map<string, number>();

  constructor(private readonly tokens: readonly string[]) {}

  /** Makes the next token known; all of them, before anything is counted. */
  learn(rank: number): void {
    this.ranks.set(this.tokens[rank] ?? '', rank);
  }

  /** Special tokens in a text are text. Holds up the event loop for as long as the text is, which a caller must bound. */
  countTokens(text: string): number {
    let count = 0;
    for (const [word] of text.matchAll(O200K_TOKEN_SPLIT_REGEX)) {
      const bytes = bytesOf(word);
      count += this.ranks.has(bytes) ? 1 : this.countParts(bytes);
    }
    return count;
  }

  /** The text of a token, or its bytes where it is a part of a character; nothing: no token of text has this id. */
  read(id: number): string | Uint8Array | undefined {
    const token = this.tokens[id];
    if (token === undefined || isAscii(token)) return token;
    const bytes = Buffer.from(token, 'latin1');
    const text = bytes.toString();
    return bytesOf(text) === token ? text : bytes;
  }

  /** Joins the two neighbours that have the lowest rank together, again and again; of equal ones the first. */
  private countParts(bytes: string): number {
    const { length } = bytes;
    // Of a part, by where it begins: where its neighbours begin, and the rank of it and the next together.
    const next: number[] = [];
    const previous: number[] = [];
    const ranks: number[] = [];
    for (let start = 0; start < length; start += 1) {
      next.push(start + 1);
      previous.push(start - 1);
      ranks.push(NO_RANK);
    }
    const queue = new LowestFirst();
    const rank = (start: number): void => {
      const second = next[start] as number;
      const joined = second < length ? this.ranks.get(bytes.slice(start, next[second])) : undefined;
      ranks[start] = joined ?? NO_RANK;
      if (joined !== undefined) queue.add(joined * length + start);
    };
    for (let start = 0; start < length; start += 1) rank(start);

    let parts = length;
    for (let lowest = queue.take(); lowest !== undefined; lowest = queue.take()) {
      const start = lowest % length;
      // One of the two was joined with another meanwhile.
      if (ranks[start] !== Math.floor(lowest / length)) continue;
      const second = next[start] as number;
      const third = next[second] as number;
      next[start] = third;
      if (third < length) previous[third] = start;
      ranks[second] = NO_RANK;
      parts -= 1;
      rank(start);
      if (start > 0) rank(previous[start] as number);
    }
    return parts;
  }
}

/** Reads the table anew, in turns of the event loop. `o200kBase` does it once. */
export async function readO200kBase(): Promise<O200kBase> {
  const file = await readFile(O200K_BASE_FILE, 'latin1');
  const tokens: string[] = [];
  const encoding = new O200kBase(tokens);
  const slices = new Slices(LINES_PER_TURN);
  for (let start = 0; start < file.length; start = file.indexOf('\n', start) + 1 || file.length) {
    const rank =
      tokens.push(Buffer.from(file.slice(start, file.indexOf(' ', start)), 'base64').toString('latin1')) - 1;
    encoding.learn(rank);
    await slices.after(1);
  }
  return encoding;
}

function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}

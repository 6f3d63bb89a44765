import { createHash, hash } from 'node:crypto';
import { jsonPieces } from '../../../common/json-in-slices.js';
import type { Turns } from './turns.js';

export type Seed = readonly [number, number, number, number];

/** A seed that is the same for equal JSON on every machine and in every version of Node. */
export function seedOf(value: unknown): Seed {
  return toSeed(hash('sha256', JSON.stringify(value), 'buffer'));
}

/** As `seedOf`, with turns for others in between. */
export async function seedInTurns(value: unknown, turns: Turns): Promise<Seed> {
  const sha256 = createHash('sha256');
  let gathered = '';
  for (const piece of jsonPieces(value)) {
    gathered += piece;
    if (gathered.length < CHARS_A_SLICE) continue;
    sha256.update(gathered);
    gathered = '';
    await turns.ifDue();
  }
  return toSeed(sha256.update(gathered).digest());
}

/** Less than half a millisecond of work. */
const CHARS_A_SLICE = 64 * 1024;

function toSeed(digest: Buffer): Seed {
  return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
}

/**
 * Numbers that depend on nothing but the seed and the stream number. Not for secrets.
 * @see sfc32, part of PractRand by Chris Doty-Humphrey
 */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private counter: number;

  /** @param stream tells apart the independent sequences drawn from one seed, such as one a choice */
  constructor(seed: Seed, stream = 0) {
    this.a = seed[0];
    this.b = seed[1];
    this.c = seed[2];
    this.counter = seed[3] ^ stream;
    for (let round = 0; round < 12; round += 1) this.next32();
  }

  /** An integer from 0 to `bound` - 1; 0 when `bound` is less than 1. */
  below(bound: number): number {
    return Math.floor(this.fraction() * Math.max(1, bound));
  }

  /** From 0 to 1, 1 excluded. */
  fraction(): number {
    return this.next32() / 2 ** 32;
  }

  /** @throws RangeError for an empty list */
  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('Nothing to pick from');
    return list[this.below(list.length)] as T;
  }

  /** `length` characters of `a-zA-Z0-9`. */
  alphanumeric(length: number): string {
    let text = '';
    while (text.length < length) text += ALPHANUMERIC.charAt(this.below(ALPHANUMERIC.length));
    return text;
  }

  private next32(): number {
    const sum = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + sum) | 0;
    return sum >>> 0;
  }
}

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

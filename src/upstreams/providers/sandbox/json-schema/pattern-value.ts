import type { SeededRandom } from '../random.js';
import { parsePattern, type PatternNode } from './pattern-syntax.js';

const MOST_TRIES = 4;
/** A bound on the work for one string, whatever repetitions of nothing the pattern asks for. */
const MOST_STEPS = 4_000;
/** Characters more than there must be that a string may have, where the pattern leaves it open. */
const SPARE = 12;

/** Strings that match the patterns of one schema; each pattern is read once. */
export class Patterns {
  private readonly known = new Map<string, PatternNode | undefined>();

  /**
   * A string that matches and has so many code points; undefined where the pattern is not understood, or none was found.
   */
  stringFor(source: string, least: number, most: number, random: SeededRandom): string | undefined {
    if (!this.known.has(source)) this.known.set(source, parsePattern(source));
    const node = this.known.get(source);
    if (node === undefined || node.min > most) return undefined;
    // A pattern that is not anchored holds for longer strings, too; what it describes comes first.
    const from = Math.max(least, node.min);
    const to = Math.min(most, Math.max(from, Math.min(node.max, from + SPARE)));
    for (let tried = 0; tried < MOST_TRIES; tried += 1) {
      const text = new Writing(random).write(node, from, to);
      if (text === undefined) continue;
      const filled =
        text.length < least && !/[$^]/.test(source) ? [...text, ...'.'.repeat(least - text.length)] : text;
      if (filled.length >= least && filled.length <= most) return filled.join('');
    }
    return undefined;
  }
}

class Writing {
  private readonly points: string[] = [];
  private readonly boundaries: { readonly at: number; readonly wanted: boolean }[] = [];
  private steps = 0;
  private end: number | undefined;
  private failed = false;

  constructor(private readonly random: SeededRandom) {}

  /** Code points, about so many; undefined: this way it cannot be done. */
  write(node: PatternNode, least: number, most: number): string[] | undefined {
    this.put(node, least, most);
    if (this.failed || (this.end !== undefined && this.end !== this.points.length)) return undefined;
    const wordly = (at: number) => /\w/.test(this.points[at] ?? '');
    const held = this.boundaries.every(({ at, wanted }) => (wordly(at - 1) !== wordly(at)) === wanted);
    return held ? this.points : undefined;
  }

  private put(node: PatternNode, least: number, most: number): void {
    this.steps += 1;
    if (this.steps > MOST_STEPS) this.failed = true;
    if (this.failed) return;
    switch (node.kind) {
      case 'character':
        this.points.push(this.random.pick(node.picks));
        return;
      case 'start':
        if (this.points.length > 0) this.failed = true;
        return;
      case 'end':
        this.end ??= this.points.length;
        if (this.end !== this.points.length) this.failed = true;
        return;
      case 'boundary':
      case 'inside':
        this.boundaries.push({ at: this.points.length, wanted: node.kind === 'boundary' });
        return;
      case 'choice': {
        const fitting = node.parts.filter((part) => part.min <= most && part.max >= least);
        return this.put(this.random.pick(fitting.length > 0 ? fitting : node.parts), least, most);
      }
      case 'sequence':
        return this.putAll(node.parts, least, most);
      case 'repeat': {
        const { part } = node;
        const needed = part.max === 0 ? 0 : Math.ceil(least / part.max);
        const affordable = part.min === 0 ? needed + 2 : Math.floor(most / part.min);
        const low = Math.min(node.most, Math.max(node.least, needed));
        const high = Math.max(low, Math.min(node.most, affordable, low + 3));
        const count = low + this.random.below(high - low + 1);
        if (count > MOST_STEPS) this.failed = true;
        else
          this.putAll(
            Array.from({ length: count }, () => part),
            least,
            most,
          );
      }
    }
  }

  /** Shares the length out among parts that follow one another. */
  private putAll(parts: readonly PatternNode[], least: number, most: number): void {
    let minLeft = parts.reduce((sum, part) => sum + part.min, 0);
    const maxBehind: number[] = [];
    parts.reduceRight((sum, part, index) => {
      maxBehind[index] = sum;
      return sum + part.max;
    }, 0);
    const begun = this.points.length;
    for (const [index, part] of parts.entries()) {
      if (this.failed) return;
      minLeft -= part.min;
      const done = this.points.length - begun;
      const from = Math.max(part.min, least - done - (maxBehind[index] as number));
      const to = Math.max(from, Math.min(part.max, most - done - minLeft));
      this.put(part, from, to);
    }
  }
}

import type { Turns } from './turns.js';

/**
 * The sandbox's own tokens: deterministic, linear in the text, and small enough to keep start-up fast.
 * A token is up to 5 letters with one space before them, up to 3 digits, up to 4 blanks, one ASCII sign, or up to 2
 * other code points; never half a code point.
 */

/**
 * Joined, the pieces give `text` back exactly.
 * @param most stop after so many tokens, without looking at the rest
 */
export function tokenize(text: string, most = Infinity): string[] {
  const pieces: string[] = [];
  for (let start = 0; start < text.length && pieces.length < most;) {
    const end = endOfToken(text, start);
    pieces.push(text.slice(start, end));
    start = end;
  }
  return pieces;
}

export function countTokens(text: string): number {
  return countFrom(text, 0, text.length).count;
}

/** As `countTokens`, with turns for others in between. */
export async function countTokensInTurns(text: string, turns: Turns): Promise<number> {
  let count = 0;
  for (let start = 0; start < text.length;) {
    const slice = countFrom(text, start, start + CHARS_A_SLICE);
    count += slice.count;
    start = slice.end;
    await turns.ifDue();
  }
  return count;
}

/** About half a millisecond of counting. */
const CHARS_A_SLICE = 32 * 1024;

/** The tokens that begin before `until`, and where the last of them ends. */
function countFrom(text: string, from: number, until: number): { count: number; end: number } {
  let count = 0;
  let end = from;
  for (; end < until && end < text.length; count += 1) end = endOfToken(text, end);
  return { count, end };
}

type Kind = 'letter' | 'digit' | 'blank' | 'sign' | 'wide';

const LONGEST: Readonly<Record<Kind, number>> = { letter: 5, digit: 3, blank: 4, sign: 1, wide: 2 };

function endOfToken(text: string, start: number): number {
  const spaced = text.charCodeAt(start) === 0x20 && kindAt(text, start + 1) === 'letter';
  let end = spaced ? start + 1 : start;
  const kind = kindAt(text, end);
  for (let taken = 0; taken < LONGEST[kind] && end < text.length && kindAt(text, end) === kind; taken += 1) {
    end += (text.codePointAt(end) as number) > 0xffff ? 2 : 1;
  }
  return end;
}

function kindAt(text: string, index: number): Kind {
  const unit = text.charCodeAt(index);
  if ((unit >= 0x61 && unit <= 0x7a) || (unit >= 0x41 && unit <= 0x5a)) return 'letter';
  if (unit >= 0x80) return 'wide';
  if (unit >= 0x30 && unit <= 0x39) return 'digit';
  return unit === 0x20 || (unit >= 0x09 && unit <= 0x0d) ? 'blank' : 'sign';
}

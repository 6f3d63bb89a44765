import { Injectable } from '@nestjs/common';
import { Slices } from '../common/slices.js';
import { o200kBase } from '../common/tokens/o200k-base.js';

/** Beyond this many characters of one answer or prompt, tokens are estimated. */
export const MAX_COUNTED_CHARS = 400_000;

/** Where there is no text to count a part of: lower than the average of English, higher than that of Chinese. */
const CHARS_PER_TOKEN = 3;

/** Of a text that is too long to be counted, so many pieces, evenly spread, tell how long its tokens are. */
const SAMPLED_PIECES = 64;

/**
 * Byte pair encoding is quadratic in the length of a word, and a caller decides what a word is: a hundred thousand
 * characters without a space would stop the process for most of a minute. So text is counted in pieces.
 */
const MAX_PIECE_CHARS = 512;

const SPACE = 0x20;

/** Counted between two turns of the event loop: thirty milliseconds at the very worst, of words that nobody knows. */
const CHARS_PER_TURN = 8_192;

/**
 * Counts tokens where an upstream reports none. The encoding (`o200k_base`) is that of OpenAI's current models and a
 * fair measure for others; words longer than 512 characters may count for one token more in each 512.
 */
@Injectable()
export class TokenCounter {
  /** Takes time linear in the text, whatever it says, and lets other requests be served meanwhile. */
  async count(texts: Iterable<string>): Promise<number> {
    const encoding = await o200kBase();
    const slices = new Slices(CHARS_PER_TURN);
    let total = 0;
    let countedChars = 0;
    for (const text of texts) {
      countedChars += text.length;
      // What is left out between two pieces; none where all are counted.
      const gap =
        countedChars > MAX_COUNTED_CHARS ? Math.floor(text.length / SAMPLED_PIECES) - MAX_PIECE_CHARS : 0;
      let tokens = 0;
      let chars = 0;
      for (let start = 0; start < text.length;) {
        const end = pieceEnd(text, start);
        tokens += encoding.countTokens(text.slice(start, end));
        chars += end - start;
        await slices.after(end - start);
        start = gap > 0 ? start + MAX_PIECE_CHARS + gap : end;
      }
      total += chars === text.length ? tokens : Math.ceil((tokens * text.length) / chars);
    }
    return total;
  }
}

export function estimateTokens(chars: number): number {
  return Math.ceil(chars / CHARS_PER_TOKEN);
}

/** Before a space where there is one, since a token begins there anyway; never between the halves of a character. */
function pieceEnd(text: string, start: number): number {
  const end = start + MAX_PIECE_CHARS;
  if (end >= text.length) return text.length;
  // Not `lastIndexOf`, which would look through all that is before.
  for (let space = end; space > start + MAX_PIECE_CHARS / 2; space -= 1) {
    if (text.charCodeAt(space) === SPACE) return space;
  }
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

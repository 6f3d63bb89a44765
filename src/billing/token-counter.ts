import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';

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

/** Counted between two turns of the event loop: some tens of milliseconds at the very worst. */
const CHARS_PER_TURN = 16_384;

/**
 * Counts tokens where an upstream reports none. The encoding (`o200k_base`) is that of OpenAI's current models and a
 * fair measure for others; words longer than 512 characters may count for one token more in each 512. It is loaded at
 * first use: two megabytes that most processes never need.
 */
@Injectable()
export class TokenCounter {
  private encoding: Promise<(text: string) => number> | undefined;

  /** Takes time linear in the text, whatever it says, and lets other requests be served meanwhile. */
  async count(texts: Iterable<string>): Promise<number> {
    this.encoding ??= load();
    const countTokens = await this.encoding;
    let total = 0;
    let countedChars = 0;
    let charsOfTurn = 0;
    for (const text of texts) {
      countedChars += text.length;
      if (countedChars > MAX_COUNTED_CHARS) {
        total += sampledTokens(text, countTokens);
        await nextTurn();
        continue;
      }
      for (let start = 0; start < text.length;) {
        const end = pieceEnd(text, start);
        total += countTokens(text.slice(start, end));
        charsOfTurn += end - start;
        start = end;
        if (charsOfTurn < CHARS_PER_TURN) continue;
        charsOfTurn = 0;
        await nextTurn();
      }
    }
    return total;
  }
}

function sampledTokens(text: string, countTokens: (text: string) => number): number {
  const step = Math.max(MAX_PIECE_CHARS, Math.floor(text.length / SAMPLED_PIECES));
  let tokens = 0;
  let chars = 0;
  for (let start = 0; start < text.length; start += step) {
    const end = pieceEnd(text, start);
    tokens += countTokens(text.slice(start, end));
    chars += end - start;
  }
  return Math.ceil((tokens * text.length) / chars);
}

export function estimateTokens(chars: number): number {
  return Math.ceil(chars / CHARS_PER_TOKEN);
}

/** Before a space where there is one, since a token begins there anyway; never between the halves of a character. */
function pieceEnd(text: string, start: number): number {
  const end = start + MAX_PIECE_CHARS;
  if (end >= text.length) return text.length;
  const space = text.lastIndexOf(' ', end);
  if (space > start + MAX_PIECE_CHARS / 2) return space;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}

async function load(): Promise<(text: string) => number> {
  const { countTokens } = await import('gpt-tokenizer/encoding/o200k_base');
  // Special tokens in user text are text: `<|endoftext|>` in a prompt must not throw.
  return (text) => countTokens(text, { disallowedSpecial: new Set() });
}

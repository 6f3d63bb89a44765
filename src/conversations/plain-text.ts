/** Looked at in one go; what is not Latin is composed in much shorter runs. */
const PIECE_CHARS = 16_384;

/**
 * Composing letters takes time quadratic in how many marks stand on one letter, and a caller decides how many do. No
 * language comes near so many; a longer row of marks is composed in parts.
 * @see https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format: at most 30
 */
const RUN_CHARS = 64;

/** All before U+0300 is composed already, and composes with nothing before it. */
const FIRST_MARK = 0x300;
const MAY_BE_DECOMPOSED = /[^\u0000-\u02ff]/; // oxlint-disable-line no-control-regex -- a range from the beginning

/** What may compose with what stands before it: marks, vowels and final consonants of Hangul, a vowel of Kirat Rai. */
const COMPOSES_BACKWARDS = /^[\p{M}\u1160-\u11ff\ud7b0-\ud7ff\u{16d67}-\u{16d6a}]/u;

/**
 * A text without what client libraries change in it: with LF at the end of lines, letters composed (NFC), and no space
 * around it. In pieces, none of which begins or ends within a character. Linear in the text, whatever it says.
 */
export function* plainText(text: string): Generator<string> {
  const trimmed = text.trim();
  for (let start = 0; start < trimmed.length;) {
    const end = pieceEnd(trimmed, start, PIECE_CHARS);
    yield composed(trimmed.slice(start, end).replace(/\r\n?/g, '\n'));
    start = end;
  }
}

function composed(piece: string): string {
  if (!MAY_BE_DECOMPOSED.test(piece)) return piece;
  let whole = '';
  for (let start = 0; start < piece.length;) {
    const end = pieceEnd(piece, start, RUN_CHARS);
    whole += piece.slice(start, end).normalize('NFC');
    start = end;
  }
  return whole;
}

/** At most `most` characters further, where what follows does not belong to what is before, if there is such a place. */
function pieceEnd(text: string, start: number, most: number): number {
  const last = start + most;
  if (last >= text.length) return text.length;
  const first = Math.max(start + 1, last - RUN_CHARS / 2);
  for (let end = last; end >= first; end -= 1) if (partsAt(text, end)) return end;
  return isWithinPair(text, last) ? last - 1 : last;
}

function partsAt(text: string, index: number): boolean {
  const unit = text.charCodeAt(index);
  if (unit < FIRST_MARK) return unit !== 0x0a || text.charCodeAt(index - 1) !== 0x0d;
  return !isWithinPair(text, index) && !COMPOSES_BACKWARDS.test(text.slice(index, index + 2));
}

/** Whether the second half of a character stands there: no text is cut before it. */
export function isWithinPair(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

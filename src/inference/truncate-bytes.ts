/**
 * The first part of texts that were written one after the other, `null` and absent ones as they are.
 *
 * @param share of their length altogether, 0 to 1; in bytes, which tokens go by in every script
 */
export function truncateBytes<Texts extends readonly (string | null | undefined)[]>(
  texts: readonly [...Texts],
  share: number,
): { [Index in keyof Texts]: Texts[Index] } {
  let left = Math.floor(texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0) * share);
  return texts.map((text) => {
    if (typeof text !== 'string') return text;
    const bytes = Buffer.byteLength(text);
    const part = bytes <= left ? text : wholeCharacters(Buffer.from(text), left);
    left = Math.max(0, left - bytes);
    return part;
  }) as { [Index in keyof Texts]: Texts[Index] };
}

/** The first so many bytes of a longer text, without a part of a character. */
function wholeCharacters(text: Buffer, length: number): string {
  let end = length;
  while (end > 0 && isContinuation(text[end])) end -= 1;
  return text.toString('utf8', 0, end);
}

/** Of a UTF-8 character: not its first byte. */
function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}

/**
 * The first part of texts that were written one after the other, `null` and absent ones as they are.
 *
 * @param share of their length altogether, 0 to 1
 */
export function firstPart<Texts extends readonly (string | null | undefined)[]>(
  texts: readonly [...Texts],
  share: number,
): { [Index in keyof Texts]: Texts[Index] } {
  let left = Math.floor(texts.reduce((sum, text) => sum + (text?.length ?? 0), 0) * share);
  return texts.map((text) => {
    if (typeof text !== 'string') return text;
    const part = text.slice(0, left);
    left -= part.length;
    return wholeCharacters(part);
  }) as { [Index in keyof Texts]: Texts[Index] };
}

/** Not half of a character that has two code units. */
function wholeCharacters(text: string): string {
  return /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}

/** A run that is both the beginning of one sequence and a part of another. */
export interface Overlap {
  readonly length: number;
  /** Place in the other sequence of what comes after it. */
  readonly end: number;
}

/**
 * Where a sequence begins with what stands in another. By Knuth, Morris and Pratt: linear, also where everything is
 * always the same.
 *
 * @returns `atEnd`: the most entries that are the last of `text` and the first of `pattern` alike; `within`: the longest
 *   beginning of `pattern` that ends before the end of `text`, the last of equal ones
 */
export function overlapsOf(
  pattern: readonly string[],
  text: readonly string[],
): { readonly atEnd: number; readonly within: Overlap | undefined } {
  const borders = bordersOf(pattern);
  let matched = 0;
  let within: Overlap | undefined;
  for (const [place, next] of text.entries()) {
    if (matched > 0 && matched >= (within?.length ?? 0)) within = { length: matched, end: place };
    matched = extended(pattern, borders, matched, next);
  }
  return { atEnd: matched, within };
}

/** For each length of a beginning of `pattern`: the longest shorter beginning that it also ends with. */
function bordersOf(pattern: readonly string[]): number[] {
  const borders = [0, 0];
  for (const next of pattern.slice(1)) {
    borders.push(extended(pattern, borders, borders[borders.length - 1] as number, next));
  }
  return borders;
}

/** How much of `pattern` is matched after `next`, if `matched` was before. */
function extended(
  pattern: readonly string[],
  borders: readonly number[],
  matched: number,
  next: string,
): number {
  let length = matched;
  while (length > 0 && pattern[length] !== next) length = borders[length] as number;
  return pattern[length] === next ? length + 1 : 0;
}

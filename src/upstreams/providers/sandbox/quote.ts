/** `text` in quotation marks on one line, cut to `most` code points with an ellipsis. Cost does not grow with `text`. */
export function quote(text: string, most = 80): string {
  // Twice the code points in UTF-16 units, and as much again for blanks that collapse; no half code point at the cut.
  const head = text.slice(0, most * 4).replace(/[\uD800-\uDBFF]$/, '');
  const start = [...head.replace(/\s+/g, ' ').trim()];
  const cut = start.length > most || text.length > most * 4;
  return `“${start.slice(0, most).join('').trimEnd()}${cut ? '…' : ''}”`;
}

/** `a`, `a and b`, `a, b and c`. */
export function enumerate(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** Characters as people count them, nearly; no list of them is made. */
export function countCodePoints(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count += 1) at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  return count;
}

/** How many of the first rows are at most so many bytes together; the first one counts, however long it is. */
export function leadingWithin(
  rows: readonly { readonly bytes: number | bigint }[],
  maxBytes: number,
): number {
  let total = 0;
  const over = rows.findIndex(({ bytes }, index) => (total += Number(bytes)) > maxBytes && index > 0);
  return over === -1 ? rows.length : over;
}

/**
 * `list` with `more` at its end, in place: a stream of 100,000 chunks would copy 100,000 lists. An upstream's `more` may
 * be anything; what is no list adds nothing.
 */
export function appended<T>(list: T[] | null | undefined, more: readonly T[]): T[] {
  const result = list ?? [];
  if (Array.isArray(more)) for (const item of more) result.push(item);
  return result;
}

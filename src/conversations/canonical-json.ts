/** Deeper than any tool's arguments are in earnest; beyond it, reading them would be the attack. */
const MAX_DEPTH = 64;

/**
 * The value with the keys of all its objects in order: equal values become equal JSON.
 *
 * @throws RangeError for a value nested more than 64 deep
 */
export function sortKeys(value: unknown, depth = MAX_DEPTH): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) throw new RangeError('nested too deep');
  if (Array.isArray(value)) return value.map((each: unknown) => sortKeys(each, depth - 1));
  const entries = Object.entries(value).map(([key, each]) => [key, sortKeys(each, depth - 1)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

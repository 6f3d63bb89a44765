/** Deeper than any tool's arguments are in earnest; beyond it, reading them would be the attack. */
const MAX_DEPTH = 64;

/**
 * A value as JSON, with the keys of all its objects in order: equal values become equal texts.
 *
 * @param value as `JSON.parse` makes it
 * @throws RangeError for a value nested more than 64 deep
 */
export function canonicalJson(value: unknown, depth = MAX_DEPTH): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth === 0) throw new RangeError('nested too deep');
  let json = '';
  if (Array.isArray(value)) {
    for (const each of value) json += `${json === '' ? '' : ','}${canonicalJson(each, depth - 1)}`;
    return `[${json}]`;
  }
  for (const key of Object.keys(value).sort()) {
    const member = canonicalJson((value as Record<string, unknown>)[key], depth - 1);
    json += `${json === '' ? '' : ','}${JSON.stringify(key)}:${member}`;
  }
  return `{${json}}`;
}

/**
 * A value as JSON, with the keys of all its objects in order: equal values become equal texts.
 *
 * @param value as `JSON.parse` makes it
 * @param mostDeep levels of nesting
 * @throws RangeError for a value nested deeper
 */
export function canonicalJson(value: unknown, mostDeep: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (mostDeep === 0) throw new RangeError('nested too deep');
  let json = '';
  if (Array.isArray(value)) {
    for (const each of value) json += `${json === '' ? '' : ','}${canonicalJson(each, mostDeep - 1)}`;
    return `[${json}]`;
  }
  for (const key of Object.keys(value).sort()) {
    const member = canonicalJson((value as Record<string, unknown>)[key], mostDeep - 1);
    json += `${json === '' ? '' : ','}${JSON.stringify(key)}:${member}`;
  }
  return `{${json}}`;
}

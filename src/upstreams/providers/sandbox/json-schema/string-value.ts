import type { SeededRandom } from '../random.js';
import type { FlatSchema } from './flat-schema.js';
import type { Patterns } from './pattern-value.js';

type StringRules = Pick<FlatSchema, 'format' | 'minLength' | 'maxLength' | 'patterns'>;

/**
 * A string that matches the first pattern that can be followed; else of the format asked for, where that is known and fits; else `plain`, cut or filled up to fit.
 * Lengths count code points, as JSON Schema does.
 * @param mostChars no longer than this, whatever `minLength` says
 */
export function stringFor(
  plain: string,
  rules: StringRules,
  mostChars: number,
  random: SeededRandom,
  patterns: Patterns,
): string {
  for (const pattern of rules.patterns) {
    const most = Math.min(rules.maxLength, mostChars);
    const matching = patterns.stringFor(pattern, Math.min(rules.minLength, most), most, random);
    if (matching !== undefined) return matching;
  }
  const formatted = rules.format === undefined ? undefined : FORMATS.get(rules.format)?.(random);
  if (formatted !== undefined && formatted.length >= rules.minLength && formatted.length <= rules.maxLength) {
    return formatted;
  }
  const points = [...plain].slice(0, Math.min(rules.maxLength, mostChars));
  return points.join('') + '.'.repeat(Math.max(0, Math.min(rules.minLength, mostChars) - points.length));
}

const two = (value: number) => String(value).padStart(2, '0');
const date = (random: SeededRandom) => `2025-${two(1 + random.below(12))}-${two(1 + random.below(28))}`;
const time = (random: SeededRandom) => `${two(random.below(24))}:${two(random.below(60))}:00Z`;
const email = (random: SeededRandom) => `user${random.below(1000)}@example.com`;
const hostname = (random: SeededRandom) => `host${random.below(1000)}.example.com`;
const uri = (random: SeededRandom) => `https://example.com/item/${random.below(1000)}`;
const uuid = (random: SeededRandom) => {
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => random.below(16).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
};

/** @see JSON Schema 2020-12 validation, section 7.3 */
const FORMATS = new Map<string, (random: SeededRandom) => string>(
  Object.entries({
    date,
    time,
    'date-time': (random: SeededRandom) => `${date(random)}T${time(random)}`,
    duration: (random: SeededRandom) => `PT${1 + random.below(59)}M`,
    email,
    'idn-email': email,
    hostname,
    'idn-hostname': hostname,
    ipv4: (random: SeededRandom) => `192.0.2.${1 + random.below(254)}`,
    ipv6: (random: SeededRandom) => `2001:db8::${(1 + random.below(254)).toString(16)}`,
    uri,
    url: uri,
    iri: uri,
    'uri-reference': uri,
    'iri-reference': uri,
    uuid,
    'json-pointer': (random: SeededRandom) => `/item/${random.below(1000)}`,
    'relative-json-pointer': (random: SeededRandom) => String(random.below(10)),
    regex: () => '^[a-z]+$',
    byte: () => 'c2FuZGJveA==',
  }),
);

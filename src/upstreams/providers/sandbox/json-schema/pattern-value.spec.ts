import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { SeededRandom, seedOf } from '../random.js';
import { Patterns } from './pattern-value.js';

const make = (source: string, seed = 0, least = 0, most = 100) =>
  new Patterns().stringFor(source, least, most, new SeededRandom(seedOf(seed)));

const ORDINARY = [
  '^[A-Z]{3}-\\d{4}$',
  '^\\+?[1-9]\\d{1,14}$',
  '^(?:GB|DE|FR)\\d{9,12}$',
  '^[^\\s@]+@[^\\s@]+\\.[a-z]{2,}$',
  '^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$',
  '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$',
  '^([01]\\d|2[0-3]):[0-5]\\d$',
  '^[\\w.-]+$',
  '^(?<year>\\d{4})/(?<rest>[a-z]+?)$',
  '\\bword\\b',
  'foo|^bar$',
  '^\\p{Lu}\\p{Ll}+$',
  '^\\u0041\\x42\\u{1F44D}$',
  '^.{5,10}$',
  '^[^a-z0-9A-Z]$',
  '^\\S+\\s\\S+$',
  '^[a-z]+(-[a-z]+)*$',
  '^v?\\d+\\.\\d+\\.\\d+(?:-[0-9A-Za-z.-]+)?$',
  '',
];

describe('Patterns', () => {
  it.each(ORDINARY)('makes strings that match %s', (source) => {
    for (let seed = 0; seed < 25; seed += 1) expect(make(source, seed)).toMatch(new RegExp(source, 'u'));
  });

  it('keeps to a length', () => {
    for (const [source, least, most] of [
      ['^[a-z]+$', 30, 30],
      ['^[a-z]+(-[a-z]+)*$', 40, 50],
      ['^(ab|c)*$', 7, 9],
      ['^[a-z]{2,64}$', 20, 64],
      ['x', 10, 10],
    ] as const) {
      for (let seed = 0; seed < 10; seed += 1) {
        const text = make(source, seed, least, most) ?? '';
        expect(text).toMatch(new RegExp(source, 'u'));
        expect(text.length).toBeGreaterThanOrEqual(least);
        expect(text.length).toBeLessThanOrEqual(most);
      }
    }
  });

  it('makes a match, or nothing, of any expression made of these parts', () => {
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom('a', '\\d', '[^b-y]', '\\w', '.', '\\.', '[\\s-]', '-', 'é'),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => a + b),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
        fc
          .tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{2}', '{1,3}', '{2,}?'))
          .map(([a, q]) => `(${a})${q}`),
      ),
    }));
    let made = 0;
    fc.assert(
      fc.property(pattern, fc.nat(), (part, seed) => {
        const text = make(`^${part}$`, seed, 0, 1_000);
        if (text === undefined) return;
        made += 1;
        expect(text).toMatch(new RegExp(`^${part}$`, 'u'));
      }),
      { numRuns: 500 },
    );
    expect(made).toBeGreaterThan(450);
  });

  it.each([
    '(?=a)b',
    '(a)\\1',
    '(',
    'a{2',
    '[z',
    '*',
    `${'('.repeat(60)}${')'.repeat(60)}`,
    'a'.repeat(3_000),
    '(a?){1000000000}b{999999999}',
    'a^b',
  ])('gives nothing, and soon, for %s', (source) => {
    const text = make(source);
    expect(text === undefined || text.length < 100).toBe(true);
  });
});

import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { canonicalJson } from './canonical-json.js';

/** The same value, with the keys of all its objects the other way round. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, member]) => [key, reversed(member)]),
  );
}

describe('canonicalJson', () => {
  it('is JSON of the value, and the same in whatever order its fields came', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        const json = canonicalJson(value, Infinity);
        expect(JSON.parse(json)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(reversed(value), Infinity)).toBe(json);
      }),
    );
  });

  it('differs where values differ', () => {
    const values = [
      { a: 1 },
      { a: '1' },
      { a: [1] },
      [{ a: 1 }],
      { b: 1 },
      { a: 1, b: null },
      ['a', 1],
      null,
    ];
    expect(new Set(values.map((value) => canonicalJson(value, Infinity))).size).toBe(values.length);
  });

  it('refuses more levels than it was given', () => {
    expect(canonicalJson([[1]], 2)).toBe('[[1]]');
    expect(() => canonicalJson([[[1]]], 2)).toThrow(RangeError);
  });
});

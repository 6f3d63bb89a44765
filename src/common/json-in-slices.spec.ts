import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { longestTurnMs } from '../../test/support/thread-cpu.js';
import { jsonBuffers, textBuffers } from './json-in-slices.js';

const jsonOf = async (value: unknown): Promise<string> => Buffer.concat(await jsonBuffers(value)).toString();

describe('JSON in slices', () => {
  it('is what JSON.stringify writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ noneEmptyKey: false } as never), async (value) => {
        expect(await jsonOf(value)).toBe(JSON.stringify(value));
      }),
      { numRuns: 200 },
    );
    for (const before of [131_070, 131_071, 131_072]) {
      const value = [
        { a: undefined, b: `${'x'.repeat(before)}😀\ud800"\n${'é'.repeat(300_000)}`, c: null },
        'y'.repeat(200_000),
        [],
      ];
      expect(await jsonOf(value)).toBe(JSON.stringify(value));
      const text = `${'x'.repeat(before)}😀z`;
      expect(Buffer.concat(await textBuffers(text)).toString()).toBe(text);
    }
    const many = Array.from({ length: 50_000 }, (_, i) => ({ i, s: 'ab' }));
    expect(await jsonOf({ many })).toBe(JSON.stringify({ many }));
  });

  it('leaves turns to others, whatever the value', async () => {
    const values = [
      '"\n'.repeat(10_000_000),
      Array.from({ length: 300_000 }, () => ({ type: 'text', text: 'ab' })),
    ];
    for (const value of values) expect(await longestTurnMs(() => jsonBuffers(value))).toBeLessThan(400);
  });
});

import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { cpuMsOf } from '../../../../test/support/thread-cpu.js';
import { TextFinder } from './find-text.js';

describe('TextFinder', () => {
  it('finds what indexOf finds', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '👍'), maxLength: 40 });
    const sought = fc.string({ unit: fc.constantFrom('a', 'b', '👍'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(text, sought, (whole, part) => {
        expect(new TextFinder(part).indexIn(whole)).toBe(whole.indexOf(part));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is linear for a text that nearly matches everywhere', () => {
    const sought = `${'a'.repeat(50_000)}b${'a'.repeat(50_000)}`;
    expect(cpuMsOf(() => new TextFinder(sought).indexIn('a'.repeat(1_000_000)))).toBeLessThan(500);
  });
});

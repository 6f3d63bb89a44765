import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatDecimal, parseDecimal } from './decimal.js';

describe('parseDecimal', () => {
  it.each([
    ['0', 12, 0n],
    ['0.0000003', 12, 300_000n],
    ['0.0000025', 12, 2_500_000n],
    ['0.000000000001', 12, 1n],
    ['0.50000000000000', 12, 500_000_000_000n],
    ['007.5', 2, 750n],
    ['1000', 2, 100_000n],
  ])('reads %s with %i decimals exactly', (text, scale, units) => {
    expect(parseDecimal(text, scale)).toBe(units);
  });

  it.each([
    '',
    ' 1',
    '-1',
    '+1',
    '1e-7',
    '.5',
    '1.',
    '1,5',
    '1_000',
    '0x10',
    'NaN',
    'Infinity',
    '١',
    '9'.repeat(16),
  ])('refuses %j, which is no plain decimal', (text) => {
    expect(() => parseDecimal(text, 12)).toThrow(RangeError);
  });

  it('refuses more decimals than the unit has, rather than rounding', () => {
    expect(() => parseDecimal('0.0000000000001', 12)).toThrow('at most 12 decimals');
  });

  it('never repeats the text that it refuses: it may be a secret in the wrong place', () => {
    expect(() => parseDecimal('sk-secret', 12)).toThrow(/^(?!.*sk-secret)/);
  });
});

describe('formatDecimal', () => {
  it.each([
    [0n, 12, '0'],
    [1n, 12, '0.000000000001'],
    [300_000n, 12, '0.0000003'],
    [1_000_000_000_000n, 12, '1'],
    [-25n, 2, '-0.25'],
    [7n, 0, '7'],
  ])('writes %s with %i decimals as %s', (units, scale, text) => {
    expect(formatDecimal(units, scale)).toBe(text);
  });

  it('is undone by parseDecimal and never writes an exponent', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 24n }),
        fc.integer({ min: 10, max: 14 }),
        (units, scale) => {
          const text = formatDecimal(units, scale);
          expect(text).toMatch(/^\d+(\.\d*[1-9])?$/);
          expect(parseDecimal(text, scale)).toBe(units);
        },
      ),
    );
  });
});

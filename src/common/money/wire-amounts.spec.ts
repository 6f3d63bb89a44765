import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { formatDecimal } from './decimal.js';
import { costUsd6, costUsd7, creditsNumber } from './wire-amounts.js';
import { formatPicoUsd, parsePicoUsd } from './usd.js';

describe('amounts on the wire', () => {
  it("are those of Qolaba's published sample", () => {
    const usage = {
      total_credit: creditsNumber(25n),
      total_cost: costUsd7(1_244_100n),
      cost: costUsd6(1_244_100n),
    };
    expect(JSON.stringify(usage)).toBe('{"total_credit":0.25,"total_cost":0.0012441,"cost":0.001244}');
  });

  it.each([
    [0n, 0, 0],
    [49n, 0, 0],
    [50n, 0.0000001, 0],
    [499n, 0.0000005, 0],
    [500n, 0.0000005, 0.000001],
    [1_999_999_950n, 2, 2],
  ])('round %s nano-USD half up', (nanoUsd, seven, six) => {
    expect(costUsd7(nanoUsd)).toBe(seven);
    expect(costUsd6(nanoUsd)).toBe(six);
  });

  it('credits have no float drift: the JSON is the decimal text', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 15n }), (hundredths) => {
        expect(JSON.stringify(creditsNumber(hundredths))).toBe(formatDecimal(hundredths, 2));
      }),
    );
  });

  it('sums of credits taken on the integers print exactly, where floats drift', () => {
    expect(creditsNumber(10n + 20n)).toBe(0.3);
  });
});

describe('price text', () => {
  it('is a plain decimal, as the models list publishes it', () => {
    expect(formatPicoUsd(parsePicoUsd('0.0000003'))).toBe('0.0000003');
    expect(formatPicoUsd(parsePicoUsd('0.00000001875'))).toBe('0.00000001875');
    expect(formatPicoUsd(0n)).toBe('0');
  });
});

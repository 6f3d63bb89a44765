import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { retryDelayMs } from './retry-delay.js';

describe('retryDelayMs', () => {
  it('doubles from a second up to an hour', () => {
    expect([1, 2, 3, 12, 13, 14, 1_000].map((attempts) => retryDelayMs(attempts, 0))).toEqual([
      1_000, 2_000, 4_000, 2_048_000, 3_600_000, 3_600_000, 3_600_000,
    ]);
  });

  it('is shortened by chance, to a half at the most', () => {
    fc.assert(
      fc.property(fc.nat(2_000), fc.double({ min: 0, max: 1, noNaN: true }), (failed, random) => {
        const fullMs = retryDelayMs(failed + 1, 0);
        const delayMs = retryDelayMs(failed + 1, random);
        return delayMs <= fullMs && delayMs >= fullMs / 2;
      }),
    );
  });
});

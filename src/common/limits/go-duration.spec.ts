import { describe, expect, it } from '@jest/globals';
import { goDuration } from './go-duration.js';

describe('goDuration', () => {
  it.each([
    [0, '0s'],
    [0.2, '1ms'],
    [120, '120ms'],
    [999, '999ms'],
    [999.5, '1s'],
    [1_000, '1s'],
    [1_001, '2s'],
    [59_000, '59s'],
    [59_001, '1m0s'],
    [60_000, '1m0s'],
    [360_000, '6m0s'],
    [3_599_001, '1h0m0s'],
    [3_661_000, '1h1m1s'],
  ])('spells %d ms as %s, never less than it is', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});

import { describe, expect, it } from '@jest/globals';
import { retryAfterMs } from './retry-timing.js';

const NOW = Date.parse('2026-11-22T10:00:00Z');

describe('retryAfterMs', () => {
  it.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': ' 2.5 ' }, 2_500],
    [{ 'retry-after-ms': '1500' }, 1_500],
    [{ 'retry-after-ms': '1500.2' }, 1_501],
    [{ 'retry-after-ms': '1500', 'retry-after': '30' }, 1_500],
    [{ 'retry-after-ms': 'soon', 'retry-after': '30' }, 30_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 10:00:07 GMT' }, 7_000],
    [{ 'retry-after': 'Sunday, 22-Nov-26 10:00:07 GMT' }, 7_000],
  ])('U6: reads %j', (headers, expected) => {
    expect(retryAfterMs(headers, NOW)).toBe(expected);
  });

  it.each([
    [{ 'retry-after': '0' }, 1_000],
    [{ 'retry-after-ms': '3' }, 1_000],
    [{ 'retry-after': 'Sun, 22 Nov 2026 09:00:00 GMT' }, 1_000],
    [{ 'retry-after': '3600' }, 60_000],
    [{ 'retry-after': 'Mon, 23 Nov 2026 10:00:00 GMT' }, 60_000],
  ])('caps %j to 1..60 s', (headers, expected) => {
    expect(retryAfterMs(headers, NOW)).toBe(expected);
  });

  it.each([
    {},
    { 'retry-after': '' },
    { 'retry-after': '-5' },
    { 'retry-after': 'soon 3' },
    { 'retry-after': '1e9' },
  ])('knows nothing from %j', (headers) => {
    expect(retryAfterMs(headers, NOW)).toBeUndefined();
  });
});

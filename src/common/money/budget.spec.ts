import { describe, expect, it } from '@jest/globals';
import { budgetWindow } from './budget.js';

describe('budgetWindow', () => {
  it.each([
    ['day', '2026-11-22T00:00:00.000Z', 'day:2026-11-22'],
    ['day', '2026-11-22T23:59:59.999Z', 'day:2026-11-22'],
    ['week', '2026-11-22T23:59:59.999Z', 'week:2026-11-16'],
    ['week', '2026-11-23T00:00:00.000Z', 'week:2026-11-23'],
    ['week', '2027-01-01T12:00:00.000Z', 'week:2026-12-28'],
    ['month', '2026-11-30T23:59:59.999Z', 'month:2026-11-01'],
    ['month', '2028-02-29T12:00:00.000Z', 'month:2028-02-01'],
    ['total', '2026-11-22T12:00:00.000Z', 'total'],
  ] as const)('counts a %s that holds %s as %s, by UTC', (period, at, window) => {
    expect(budgetWindow(period, Date.parse(at))).toBe(window);
  });
});

import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { charge, decide, type RateLimit } from './gcra.js';

const limits = fc.record({
  limit: fc.integer({ min: 1, max: 2_000 }),
  periodMs: fc.constantFrom(1_000, 60_000, 3_600_000),
});
/** Monotonic clocks count from the start of the process, with fractions; this one has run for up to twelve days. */
const clocks = fc.double({ min: 0, max: 1e9, noNaN: true });

/** A bucket that is asked again and again. */
class Bucket {
  arrivalMs: number | undefined;
  constructor(private readonly limit: RateLimit) {}

  take(nowMs: number, cost = 1): boolean {
    const decision = decide(this.arrivalMs, nowMs, this.limit, cost);
    this.arrivalMs = decision.arrivalMs;
    return decision.allowed;
  }

  /** How many units it lets through at this moment, one by one, until it refuses. */
  drain(nowMs: number): number {
    let count = 0;
    while (this.take(nowMs)) count += 1;
    return count;
  }
}

describe('decide', () => {
  it('lets exactly the limit through at once from full, whatever the clock says', () => {
    fc.assert(
      fc.property(limits, clocks, (limit, nowMs) => {
        expect(new Bucket(limit).drain(nowMs)).toBe(limit.limit);
      }),
    );
  });

  it('lets no more through in any stretch of time than a full bucket and what refills meanwhile', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 5_000, noNaN: true }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), clocks, gaps, (limit, startMs, waits) => {
        const rate = { limit, periodMs: 60_000 };
        const bucket = new Bucket(rate);
        const passedAt: number[] = [];
        let nowMs = startMs;
        for (const wait of waits) {
          nowMs += wait;
          if (bucket.take(nowMs)) passedAt.push(nowMs);
        }
        passedAt.forEach((from, first) => {
          for (let last = first; last < passedAt.length; last += 1) {
            const stretchMs = passedAt[last]! - from;
            const most = limit + Math.floor((stretchMs * limit) / rate.periodMs + 0.001);
            expect(last - first + 1).toBeLessThanOrEqual(most);
          }
        });
      }),
    );
  });

  it('refills evenly: after k units of time exactly k more pass, a hundredth of a unit earlier one fewer', () => {
    fc.assert(
      fc.property(limits, clocks, fc.nat({ max: 1_999 }), (limit, nowMs, extra) => {
        const units = (extra % limit.limit) + 1;
        const unitMs = limit.periodMs / limit.limit;
        const empty = new Bucket(limit);
        empty.drain(nowMs);
        const early = new Bucket(limit);
        early.arrivalMs = empty.arrivalMs;
        expect(early.drain(nowMs + (units - 0.01) * unitMs)).toBe(units - 1);
        expect(empty.drain(nowMs + units * unitMs)).toBe(units);
      }),
    );
  });

  it('never holds more than the limit, however long nobody asks', () => {
    fc.assert(
      fc.property(limits, clocks, clocks, (limit, nowMs, idleMs) => {
        const bucket = new Bucket(limit);
        bucket.drain(nowMs);
        expect(bucket.drain(nowMs + limit.periodMs + idleMs)).toBe(limit.limit);
      }),
    );
  });

  it('takes nothing for a refused request, however often it is asked', () => {
    fc.assert(
      fc.property(limits, clocks, fc.integer({ min: 1, max: 50 }), (limit, nowMs, times) => {
        const bucket = new Bucket(limit);
        bucket.drain(nowMs);
        const before = bucket.arrivalMs;
        for (let i = 0; i < times; i += 1) expect(bucket.take(nowMs)).toBe(false);
        expect(bucket.arrivalMs).toBe(before);
      }),
    );
  });

  it('says how many are left: so many pass, and the next does not', () => {
    fc.assert(
      fc.property(limits, clocks, fc.nat({ max: 2_000 }), clocks, (limit, nowMs, taken, laterMs) => {
        const bucket = new Bucket(limit);
        for (let i = 0; i < taken; i += 1) bucket.take(nowMs);
        const at = nowMs + (laterMs % limit.periodMs);
        const { remaining } = decide(bucket.arrivalMs, at, limit, 0);
        expect(bucket.drain(at)).toBe(remaining);
      }),
    );
  });

  it('says when to come back: then it passes, a hundredth of a unit earlier it does not', () => {
    fc.assert(
      fc.property(limits, clocks, fc.integer({ min: 1, max: 2_000 }), (limit, nowMs, asked) => {
        const cost = Math.min(asked, limit.limit);
        const bucket = new Bucket(limit);
        bucket.drain(nowMs);
        const { allowed, retryAfterMs } = decide(bucket.arrivalMs, nowMs, limit, cost);
        expect(allowed).toBe(false);
        const unitMs = limit.periodMs / limit.limit;
        expect(decide(bucket.arrivalMs, nowMs + retryAfterMs - unitMs / 100, limit, cost).allowed).toBe(
          false,
        );
        expect(decide(bucket.arrivalMs, nowMs + retryAfterMs, limit, cost).allowed).toBe(true);
      }),
    );
  });

  it('says when the bucket is full again', () => {
    const limit = { limit: 60, periodMs: 60_000 };
    expect(decide(undefined, 5_000, limit, 0)).toMatchObject({ remaining: 60, resetMs: 0, retryAfterMs: 0 });
    expect(decide(undefined, 5_000, limit, 3)).toMatchObject({ remaining: 57, resetMs: 3_000 });
  });

  it('says no more than a whole period for a bucket that was full, whatever the clock says', () => {
    // Where adding a minute and taking it away again gives more than a minute.
    expect(998_266.269_146_217_4 + 60_000 - 998_266.269_146_217_4).toBeGreaterThan(60_000);
    const limit = { limit: 1, periodMs: 60_000 };
    for (const nowMs of [998_266.269_146_217_4, 5_000.1, 1e9 / 3]) {
      const { arrivalMs, resetMs } = decide(undefined, nowMs, limit, 1);
      expect(resetMs).toBe(60_000);
      expect(decide(arrivalMs, nowMs, limit, 1)).toMatchObject({ allowed: false, retryAfterMs: 60_000 });
    }
  });

  it('refuses for ever what is more than the whole limit', () => {
    expect(decide(undefined, 0, { limit: 10, periodMs: 60_000 }, 11)).toEqual({
      allowed: false,
      remaining: 10,
      resetMs: 0,
      retryAfterMs: Infinity,
      arrivalMs: 0,
    });
  });

  it('never tells of more than the limit, also where units are shorter than any clock can tell', () => {
    const limit = { limit: 1_000_000_000_000, periodMs: 60_000 };
    expect(decide(undefined, 1e9, limit, 0).remaining).toBe(limit.limit);
  });
});

describe('charge', () => {
  const limit = { limit: 60, periodMs: 60_000 };

  it('takes more than is there: the debt is paid off before anything passes', () => {
    const arrivalMs = charge(undefined, 0, limit, 90);
    expect(decide(arrivalMs, 0, limit, 0)).toMatchObject({ remaining: 0, resetMs: 90_000 });
    expect(decide(arrivalMs, 30_000, limit, 1)).toMatchObject({ allowed: false, retryAfterMs: 1_000 });
    expect(decide(arrivalMs, 31_000, limit, 1).allowed).toBe(true);
  });

  it('gives back, never beyond full', () => {
    const arrivalMs = charge(undefined, 0, limit, 30);
    expect(decide(charge(arrivalMs, 0, limit, -10), 0, limit, 0).remaining).toBe(40);
    expect(decide(charge(arrivalMs, 0, limit, -1_000), 0, limit, 0).remaining).toBe(60);
  });

  it('taking and giving back the same leaves everything as it was', () => {
    fc.assert(
      fc.property(limits, clocks, fc.integer({ min: 0, max: 10_000 }), (rate, nowMs, units) => {
        const taken = charge(nowMs + 1, nowMs, rate, units);
        expect(charge(taken, nowMs, rate, -units)).toBeCloseTo(nowMs + 1, 3);
      }),
    );
  });
});

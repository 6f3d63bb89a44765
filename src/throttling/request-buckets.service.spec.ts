import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../../test/support/manual-clock.js';
import { RequestBucketsService } from './request-buckets.service.js';

const MINUTE_MS = 60_000;

describe('RequestBucketsService', () => {
  it('counts hits as the throttler asks for them, and blocks none for longer than until one is back', async () => {
    const clock = new ManualClock();
    const buckets = new RequestBucketsService(clock);
    for (const totalHits of [1, 2, 3]) {
      expect(await buckets.increment('a', MINUTE_MS, 3)).toMatchObject({ totalHits, isBlocked: false });
    }
    // The stock storage would block a whole further minute from here.
    expect(await buckets.increment('a', MINUTE_MS, 3)).toMatchObject({
      totalHits: 4,
      isBlocked: true,
      timeToExpire: 60,
      timeToBlockExpire: 20,
    });
    clock.pass(20_000);
    expect(await buckets.increment('a', MINUTE_MS, 3)).toMatchObject({ totalHits: 3, isBlocked: false });
  });

  it('of two hundred at once exactly the limit pass', async () => {
    const buckets = new RequestBucketsService(new ManualClock());
    const hits = await Promise.all(Array.from({ length: 200 }, () => buckets.increment('a', MINUTE_MS, 10)));
    expect(hits.filter(({ decision }) => decision.allowed)).toHaveLength(10);
  });

  it('hands the exact decision on, for headers', async () => {
    const buckets = new RequestBucketsService(new ManualClock());
    await buckets.increment('a', MINUTE_MS, 6);
    const { decision } = await buckets.increment('a', MINUTE_MS, 6);
    expect(decision).toMatchObject({ remaining: 4, resetMs: 20_000, retryAfterMs: 0 });
  });
});

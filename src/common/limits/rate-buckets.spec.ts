import { describe, expect, it } from '@jest/globals';
import { RateBuckets } from './rate-buckets.js';

const LIMIT = { limit: 10, periodMs: 60_000 };

describe('RateBuckets', () => {
  it('keeps keys apart', () => {
    const buckets = new RateBuckets();
    for (let i = 0; i < 10; i += 1) buckets.take('a', LIMIT, 0);
    expect(buckets.take('a', LIMIT, 0).allowed).toBe(false);
    expect(buckets.take('b', LIMIT, 0).remaining).toBe(9);
  });

  it('S8: takes any text for a key, also those that objects are born with', () => {
    const buckets = new RateBuckets();
    for (const key of ['__proto__', 'constructor', 'toString', '']) {
      expect(buckets.take(key, LIMIT, 0, 4).remaining).toBe(6);
      expect(buckets.take(key, LIMIT, 0, 4).remaining).toBe(2);
    }
  });

  it('looks without taking', () => {
    const buckets = new RateBuckets();
    for (let i = 0; i < 20; i += 1) expect(buckets.peek('a', LIMIT, 0).remaining).toBe(10);
    expect(buckets.size).toBe(0);
  });

  it('charges what is not there and gives back what was too much', () => {
    const buckets = new RateBuckets();
    buckets.charge('a', LIMIT, 0, 15);
    expect(buckets.peek('a', LIMIT, 30_000).remaining).toBe(0);
    expect(buckets.peek('a', LIMIT, 36_000).remaining).toBe(1);
    buckets.charge('a', LIMIT, 36_000, -2);
    expect(buckets.peek('a', LIMIT, 36_000).remaining).toBe(3);
  });

  it('forgets a key as soon as its bucket is full again', () => {
    const buckets = new RateBuckets();
    buckets.take('a', LIMIT, 0);
    expect(buckets.size).toBe(1);
    buckets.charge('a', LIMIT, 0, -1);
    expect(buckets.size).toBe(0);
  });

  it('memory follows the keys in use, not the keys ever seen', () => {
    const buckets = new RateBuckets();
    let largest = 0;
    // A hundred thousand keys, a thousand of them in use at any time: each takes six seconds to fill up again.
    for (let i = 0; i < 100_000; i += 1) {
      buckets.take(`key-${i}`, LIMIT, i * 6);
      largest = Math.max(largest, buckets.size);
    }
    expect(largest).toBeLessThan(4_000);
  });

  it('a refused key costs no more memory than an allowed one', () => {
    const buckets = new RateBuckets();
    for (let i = 0; i < 1_000; i += 1) buckets.take('a', LIMIT, 0);
    expect(buckets.size).toBe(1);
  });
});

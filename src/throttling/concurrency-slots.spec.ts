import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../common/principal.js';
import { ConcurrencySlots } from './concurrency-slots.js';

function key(keyId: string, maxConcurrency: number | null): Principal {
  return {
    accountId: 'acct_1',
    keyId,
    requestsPerMinute: 1,
    tokensPerMinute: 1,
    allowedModels: null,
    maxConcurrency,
    budget: null,
  };
}

const LIMITED = { code: 'concurrency_limited', retryAfterMs: 1_000 };

describe('ConcurrencySlots', () => {
  it('lets as many in as the key may have, and the next when one has ended', async () => {
    const slots = new ConcurrencySlots();
    const first = Promise.withResolvers<string>();
    const second = Promise.withResolvers<string>();
    const running = [
      slots.within(key('a', 2), () => first.promise),
      slots.within(key('a', 2), () => second.promise),
    ];
    await expect(slots.within(key('a', 2), () => Promise.resolve(''))).rejects.toMatchObject(LIMITED);
    first.resolve('one');
    expect(await running[0]).toBe('one');
    expect(await slots.within(key('a', 2), () => Promise.resolve('three'))).toBe('three');
    second.resolve('two');
    await running[1];
    expect(slots.inUse('a')).toBe(0);
  });

  it('a refused request takes no slot, and its work does not run', async () => {
    const slots = new ConcurrencySlots();
    let runs = 0;
    const running = Promise.withResolvers<void>();
    const first = slots.within(key('a', 1), () => running.promise);
    const work = () => Promise.resolve((runs += 1));
    for (let i = 0; i < 3; i += 1) {
      await expect(slots.within(key('a', 1), work)).rejects.toMatchObject(LIMITED);
    }
    expect([runs, slots.inUse('a')]).toEqual([0, 1]);
    running.resolve();
    await first;
    expect(await slots.within(key('a', 1), work)).toBe(1);
  });

  it.each([
    ['rejects', () => Promise.reject(new Error('no'))],
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
  ])('gives the slot back when work %s', async (_how, work: () => Promise<never>) => {
    const slots = new ConcurrencySlots();
    await expect(slots.within(key('a', 1), work)).rejects.toThrow('no');
    expect(slots.inUse('a')).toBe(0);
  });

  it('keys share nothing, and a key without a limit has none', async () => {
    const slots = new ConcurrencySlots();
    const end = Promise.withResolvers<void>();
    const running = [
      slots.within(key('a', 1), () => end.promise),
      slots.within(key('b', 1), () => end.promise),
      ...Array.from({ length: 50 }, () => slots.within(key('c', null), () => end.promise)),
    ];
    expect(slots.inUse('c')).toBe(50);
    end.resolve();
    await Promise.all(running);
  });
});

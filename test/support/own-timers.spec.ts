import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { OwnTimers } from './own-timers.js';

describe('OwnTimers', () => {
  it('counts what the work left, and nothing that others make meanwhile', async () => {
    using timers = new OwnTimers();
    const ending = new AbortController();
    const others = Array.from({ length: 20 }, () => setTimeout(() => {}, 60_000));
    const work = timers.watch(async () => {
      clearTimeout(setTimeout(() => {}, 60_000));
      clearImmediate(setImmediate(() => {}));
      setImmediate(() => {});
      await sleep(60_000, undefined, { signal: ending.signal });
    });
    expect(await timers.left()).toEqual(['Timeout', 'ran']);
    ending.abort();
    await expect(work).rejects.toThrow('aborted');
    expect(await timers.left()).toEqual([]);
    for (const other of others) clearTimeout(other);
  });
});

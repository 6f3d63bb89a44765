import { describe, expect, it } from '@jest/globals';
import { BoundedCache } from './bounded-cache.js';

const KEYS = ['a', 'b', 'c', 'd'];

function kept(cache: BoundedCache<number>): string[] {
  return KEYS.filter((key) => cache.get(key) !== undefined);
}

describe('BoundedCache', () => {
  it('lets go of what was put longest ago, and of no more than it must', () => {
    const cache = new BoundedCache<number>(3);
    for (const key of KEYS) cache.set(key, 1);
    expect(kept(cache)).toEqual(['b', 'c', 'd']);
  });

  it('takes what is put again for the newest, and counts it once', () => {
    const cache = new BoundedCache<number>(3);
    for (const key of ['a', 'b', 'a', 'c', 'd']) cache.set(key, 1);
    expect(kept(cache)).toEqual(['a', 'c', 'd']);
  });

  it('makes as much room as the newest costs', () => {
    const cache = new BoundedCache<number>(10, (cost) => cost);
    cache.set('a', 4);
    cache.set('b', 4);
    cache.set('c', 5);
    expect(kept(cache)).toEqual(['b', 'c']);
  });

  it('does not keep what costs more than the bound', () => {
    const cache = new BoundedCache<number>(10, (cost) => cost);
    cache.set('a', 11);
    expect(kept(cache)).toEqual([]);
    cache.set('b', 10);
    expect(kept(cache)).toEqual(['b']);
  });

  it('gives the room back of what is deleted', () => {
    const cache = new BoundedCache<number>(3, (cost) => cost);
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    cache.delete('a');
    cache.deleteWhere((value) => value === 1);
    expect(kept(cache)).toEqual([]);
    cache.set('d', 3);
    expect(kept(cache)).toEqual(['d']);
  });
});

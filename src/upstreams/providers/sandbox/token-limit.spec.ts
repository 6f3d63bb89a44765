import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { stopsOf, TokenBudget } from './token-limit.js';
import { tokenize } from './tokenizer.js';

describe('TokenBudget', () => {
  it('gives exactly as many tokens as there are or as it may', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(20), (text, most) => {
        const budget = new TokenBudget(most);
        const pieces = budget.take(text);
        expect(pieces).toEqual(tokenize(text).slice(0, most));
        expect(budget.used).toBe(pieces.length);
      }),
    );
  });

  it('case 24: ends just before the first stop sequence, even in the middle of a token', () => {
    const { pieces, stopped } = new TokenBudget(Infinity).takeUntil(
      'one thousand two',
      stopsOf(['sand', 'two']),
    );
    expect(pieces.join('')).toBe('one thou');
    expect(stopped).toBe(true);
  });

  it('never gives a stop sequence, and gives everything before it', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', ' ') });
    fc.assert(
      fc.property(letters, fc.array(letters), fc.nat(30), (text, list, most) => {
        const stops = list.filter((stop) => stop !== '');
        const { pieces, stopped } = new TokenBudget(most).takeUntil(text, stopsOf(list));
        const given = pieces.join('');
        expect(stops.some((stop) => given.includes(stop))).toBe(false);
        expect(text.startsWith(given)).toBe(true);
        expect(stopped).toBe(tokenize(text, most).join('') !== given);
        expect(!stopped || stops.some((stop) => text.startsWith(stop, given.length))).toBe(true);
      }),
    );
  });

  it('takes no notice of a stop sequence beyond its last token', () => {
    const { pieces, stopped } = new TokenBudget(2).takeUntil('one two three', stopsOf(['three']));
    expect(pieces.join('')).toBe('one two');
    expect(stopped).toBe(false);
  });
});

describe('stopsOf', () => {
  it('case 25: nothing, an empty string and an empty list stop nothing', () => {
    for (const stop of [undefined, '', []]) expect(stopsOf(stop)).toEqual([]);
  });
});

import { describe, expect, it } from '@jest/globals';
import { TokenCounter } from '../billing/token-counter.js';
import { RelayedText } from './relayed-text.js';

const counter = new TokenCounter();

describe('RelayedText', () => {
  it('counts pieces as the text that they make together', async () => {
    const text = 'Tokenizers do not care where a stream was cut. '.repeat(50);
    for (const size of [1, 3, 7, 1_000]) {
      const relayed = new RelayedText();
      for (let at = 0; at < text.length; at += size) relayed.add(text.slice(at, at + size));
      expect(relayed.chars).toBe(text.length);
      expect(await relayed.countTokens(counter)).toBe(await counter.count([text]));
    }
  });

  it('counts on after it was asked', async () => {
    const relayed = new RelayedText();
    relayed.add('one');
    expect(await relayed.countTokens(counter)).toBe(1);
    relayed.add(' two');
    expect(await relayed.countTokens(counter)).toBe(2);
  });

  it('K4: keeps nothing of a text that is too long to be counted, and estimates it', async () => {
    const relayed = new RelayedText();
    const piece = 'word '.repeat(10_000);
    for (let n = 0; n < 40; n += 1) relayed.add(piece);
    expect(relayed.chars).toBe(2_000_000);
    expect(JSON.stringify(relayed).length).toBeLessThan(100);
    expect(await relayed.countTokens(counter)).toBe(Math.ceil(2_000_000 / 3));
  });
});

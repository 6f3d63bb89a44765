import { describe, expect, it } from '@jest/globals';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { longestTurnMs } from '../../test/support/thread-cpu.js';
import { TokenCounter } from './token-counter.js';

const counter = new TokenCounter();

describe('TokenCounter', () => {
  it('adds up what o200k_base makes of each text', async () => {
    expect(await counter.count([])).toBe(0);
    expect(await counter.count(['Hello there!', ' How are you?', ''])).toBe(
      countTokens('Hello there!') + countTokens(' How are you?'),
    );
  });

  it('counts text of any length exactly, as long as it has words', async () => {
    const text = 'Integers only, unit in the type’s name; range and rounding are stated on it. '.repeat(400);
    expect(await counter.count([text])).toBe(countTokens(text));
  });

  it('takes special tokens in user text for text', async () => {
    expect(await counter.count(['<|endoftext|>'])).toBeGreaterThan(1);
  });

  it.each([
    ['CJK', '漢字'],
    ['emoji', '😀'],
    ['letters', 'a'],
    ['spaces', ' '],
  ])('stays linear where a text is one endless word of %s', async (_name, unit) => {
    const tenth = await counter.count([unit.repeat(30_000 / unit.length)]);
    let turns = 0;
    let next = setImmediate(function turn() {
      turns += 1;
      next = setImmediate(turn);
    });
    // Quadratic, this takes minutes.
    const whole = await counter.count([unit.repeat(300_000 / unit.length)]);
    clearImmediate(next);
    expect(whole / tenth).toBeCloseTo(10, 0);
    expect(turns).toBeGreaterThan(10);
  });

  it('never cuts a character in two', async () => {
    const text = `x${'😀'.repeat(2_000)}`;
    expect(await counter.count([text])).toBeLessThan(countTokens('😀') * 2_000 + 12);
  });

  it.each(['漢', 'The sun rises in the east. ', 'const x = () => {};\n', '🙂'])(
    'estimates beyond 400,000 characters by a part of them: %j',
    async (unit) => {
      const repeated = (chars: number) => unit.repeat(chars / unit.length);
      const exact = countTokens(repeated(27_000)) / 27_000;
      const estimated = (await counter.count([repeated(2_700_000)])) / 2_700_000;
      expect(estimated / exact).toBeGreaterThan(0.98);
      expect(estimated / exact).toBeLessThan(1.05);
    },
  );

  it('looks only at what it counts of a text that is estimated', async () => {
    const text = 'a'.repeat(8 * 1024 * 1024);
    await counter.count(['a']);
    // To look for the space before each piece took a seventh of a second, of 8 MB without one.
    expect(await longestTurnMs(() => counter.count([text]))).toBeLessThan(500);
  });

  it('lets others have their turn also among many short texts, and counts an empty one as nothing', async () => {
    const long = 'word '.repeat(100_000);
    const short = Array.from({ length: 100_000 }, () => 'a');
    let tokens = 0;
    const longest = await longestTurnMs(async () => {
      tokens = await counter.count([long, ...short, '']);
    });
    expect(tokens).toBeGreaterThan(200_000);
    expect(longest).toBeLessThan(200);
  });

  it.each([
    [
      'unknown words',
      () => Array.from({ length: 8 }, () => String.fromCharCode(97 + Math.random() * 26)).join('') + ' ',
    ],
    ['unknown Chinese', () => String.fromCharCode(0x4e00 + Math.random() * 20_000)],
    ['unknown Thai', () => String.fromCharCode(0xe01 + Math.random() * 46)],
  ])('takes no long turn for %s', async (_what, word) => {
    let text = '';
    while (text.length < 100_000) text += word();
    await counter.count(['a']);
    expect(await longestTurnMs(() => counter.count([text]))).toBeLessThan(500);
  });
});

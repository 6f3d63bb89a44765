import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { says, stored, user } from '../../../test/support/histories.js';
import { TokenCounter } from '../../billing/token-counter.js';
import { measureChat, promptTokensAtMost, uncountedPromptTokens } from '../../inference/prompt.js';
import { storedTokensAtMost, TokenTally } from './token-tally.js';

class CountingCounter extends TokenCounter {
  readonly counted: string[] = [];

  override count(texts: Iterable<string>): Promise<number> {
    const all = [...texts];
    this.counted.push(...all);
    return super.count(all);
  }
}

describe('TokenTally', () => {
  it('counts a message once, and a long text of a prompt once', async () => {
    const counter = new CountingCounter();
    const tally = new TokenTally(counter);
    const [message] = stored([[user('hello')]]);
    const long = 'You are helpful. '.repeat(100);
    const prompt = measureChat({ model: 'm', messages: [{ role: 'system', content: long }] });
    const counts = [await tally.ofStored(message!), await tally.ofPrompt(prompt)];
    expect([await tally.ofStored(message!), await tally.ofPrompt(prompt)]).toEqual(counts);
    expect(counter.counted).toEqual(['hello', long]);
  });

  it('counts a message anew of which a part was erased: it keeps its id', async () => {
    const tally = new TokenTally(new TokenCounter());
    const [whole] = stored([[user('hello, and much more than that')]]);
    const before = await tally.ofStored(whole!);
    const left = { ...whole!, message: user('hello'), bytes: 5 };
    expect(await tally.ofStored(left)).toBeLessThan(before);
  });

  it('remembers so many counts, and forgets that which was not asked for the longest', async () => {
    const counter = new CountingCounter();
    const tally = new TokenTally(counter, 2);
    const [a, b, c] = stored([[user('a')], [user('b')], [user('c')]]);
    for (const each of [a, b, a, c, a, b]) await tally.ofStored(each!);
    expect(counter.counted).toEqual(['a', 'b', 'c', 'b']);
  });

  it('counts as the pipeline does, message by message, and never more than there are bytes', async () => {
    const counter = new TokenCounter();
    const tally = new TokenTally(counter);
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 700 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(texts, async (contents) => {
        const messages = contents.map((content, i) => (i % 2 === 0 ? user(content) : says(content)));
        const prompt = measureChat({ model: 'm', messages });
        const counted = (await counter.count(prompt.texts)) + uncountedPromptTokens(prompt);
        expect(await tally.ofPrompt(prompt)).toBe(counted);
        expect(counted).toBeLessThanOrEqual(promptTokensAtMost(prompt));

        let sum = 3;
        for (const each of stored([messages])) {
          const tokens = await new TokenTally(counter).ofStored(each);
          expect(tokens).toBeLessThanOrEqual(storedTokensAtMost(each));
          sum += tokens;
        }
        expect(sum).toBe(counted);
      }),
    );
  });

  it('lets others be served while it counts ten thousand messages', async () => {
    const tally = new TokenTally({ count: () => Promise.resolve(1) });
    let turns = 0;
    const ticking = setInterval(() => (turns += 1), 0);
    const messages = stored(Array.from({ length: 10_000 }, () => [user('word '.repeat(50))]));
    for (const each of messages) await tally.ofStored(each);
    clearInterval(ticking);
    expect(turns).toBeGreaterThan(10);
  });
});

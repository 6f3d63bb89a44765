import { describe, expect, it } from '@jest/globals';
import type { TokenCounter } from '../billing/token-counter.js';
import { Meter } from './meter.js';
import { measureCompletion } from './prompt.js';

/** A word is a token. */
const WORDS = {
  count: (texts: Iterable<string>) =>
    Promise.resolve([...texts].reduce((sum, text) => sum + (text.match(/\S+/gu)?.length ?? 0), 0)),
} as unknown as TokenCounter;

const said = (text: string) => [{ text, finishReason: null }];
const reportOf = (completion: number) => ({
  prompt_tokens: 2,
  completion_tokens: completion,
  total_tokens: completion + 2,
  completion_tokens_details: { reasoning_tokens: 1_000 },
});

describe('a meter whose client has left', () => {
  it('takes unread words off the report that counts them, and off no earlier one', async () => {
    const meter = meterOf();
    meter.see(said('one two'), reportOf(1_002));
    meter.leave();
    meter.see(said(' three four five'), undefined);
    expect((await meter.usage(WORDS, false)).usage.completion_tokens).toBe(1_002);

    meter.see(said(' six'), reportOf(1_006));
    meter.see(said(' seven eight'), undefined);
    expect((await meter.usage(WORDS, false)).usage.completion_tokens).toBe(1_002);
    expect(meter.unreadChars).toBe(' three four five six seven eight'.length);
  });

  it('takes unread words off what the single calls of a batch reported', async () => {
    const meter = meterOf();
    meter.calls.countedBy((read) => measureCompletion([...read], undefined, 1));
    meter.calls.answered({ prompt: 'a b', usage: reportOf(1_003) });
    expect(meter.calls.unheard).toBe(0);
    meter.calls.answered({ prompt: 'a b', usage: undefined });
    expect(meter.calls.unheard).toBe(1);
    meter.see(said('one two'), undefined);
    meter.leave();
    meter.see(said(' three'), undefined);
    expect((await meter.usage(WORDS, false)).usage.completion_tokens).toBe(1_002);
  });
});

function meterOf(): Meter {
  return new Meter(measureCompletion('a b', undefined, 1), () => 100, 5_000);
}

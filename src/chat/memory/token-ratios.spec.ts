import { describe, expect, it } from '@jest/globals';
import { contextLengthExceeded } from '../../upstreams/upstream-failures.js';
import { TokenRatios, type RatioScope } from './token-ratios.js';

const refusal = contextLengthExceeded('too long', { upstreamStatus: 400 });

const HERE = { accountId: 'acct_1', model: 'm', conversation: 'talk' };

/** An upstream says of a prompt that it has so many tokens; `null`: too many. */
function ask(
  ratios: TokenRatios,
  told: unknown,
  tokens: number | undefined,
  { scope = HERE, textOnly = true }: { scope?: RatioScope; textOnly?: boolean } = {},
): void {
  const { onUsage, onFailure } = ratios.lessonOf(scope, { tokens, textOnly });
  if (told === null) onFailure?.(refusal);
  else onUsage?.({ prompt_tokens: told, completion_tokens: 1, total_tokens: 1 });
}

describe('the ratio of a tokenizer', () => {
  it('is that of the most that was told, and comes down slowly', () => {
    const ratios = new TokenRatios();
    expect(ratios.of(HERE)).toBe(1);
    ask(ratios, 12_000, 10_000);
    expect(ratios.of(HERE)).toBeCloseTo(1.2);
    ask(ratios, 10_000, 10_000);
    expect(ratios.of(HERE)).toBeGreaterThan(1.18);
    for (let more = 0; more < 200; more += 1) ask(ratios, 9_000, 10_000);
    expect(ratios.of(HERE)).toBe(1);
    expect(ratios.of({ ...HERE, model: 'another' })).toBe(1);
  });

  it('grows with every refusal, up to twice', () => {
    const ratios = new TokenRatios();
    ask(ratios, null, 10_000);
    expect(ratios.of(HERE)).toBeCloseTo(1.1);
    for (let more = 0; more < 20; more += 1) ask(ratios, null, 10_000);
    expect(ratios.of(HERE)).toBe(2);
  });

  it('is learnt for each account by itself', () => {
    const ratios = new TokenRatios();
    ask(ratios, 20_000, 10_000);
    ask(ratios, null, 10_000);
    expect(ratios.of({ ...HERE, accountId: 'acct_2' })).toBe(1);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(2);
  });

  it('of a prompt with pictures is that of its conversation alone, and eases with the turns after it', () => {
    const ratios = new TokenRatios();
    ask(ratios, 50_000, 10_000, { textOnly: false });
    expect(ratios.of(HERE)).toBe(2);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(1);
    for (let more = 0; more < 200; more += 1) ask(ratios, 10_000, 10_000);
    expect(ratios.of(HERE)).toBeLessThan(1.01);
  });

  it('of a refused prompt with pictures grows in its conversation alone', () => {
    const ratios = new TokenRatios();
    ask(ratios, null, 10_000, { textOnly: false });
    expect(ratios.of(HERE)).toBeCloseTo(1.1);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(1);
  });

  it('of a prompt with pictures in no conversation is not learnt at all', () => {
    const ratios = new TokenRatios();
    const scope = { ...HERE, conversation: undefined };
    ask(ratios, 50_000, 10_000, { textOnly: false, scope });
    expect(ratios.of(scope)).toBe(1);
  });

  it('forgets the conversations and accounts that taught longest ago', () => {
    const ratios = new TokenRatios();
    for (let i = 0; i <= 1_000; i += 1) {
      ask(ratios, null, 10_000, { textOnly: false, scope: { ...HERE, conversation: `talk ${i}` } });
    }
    expect(ratios.of({ ...HERE, conversation: 'talk 0' })).toBe(1);
    expect(ratios.of({ ...HERE, conversation: 'talk 1' })).toBeCloseTo(1.1);
  });

  it.each([
    ['a prompt that is not counted', 50_000, undefined],
    ['a short prompt, to which an upstream may add its own', 5_000, 100],
    ['no number', 'many', 10_000],
    ['none at all', undefined, 10_000],
    ['no possible number', Infinity, 10_000],
  ])('does not learn from %s', (_what, told, counted) => {
    const ratios = new TokenRatios();
    ask(ratios, told, counted);
    expect(ratios.of(HERE)).toBe(1);
  });
});

import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, throwError } from 'rxjs';
import type { ChatCompletionRequest } from '../../contracts/openai/chat-completion.js';
import { chatEndpoint } from '../../inference/chat.endpoint.js';
import type { Endpoint } from '../../inference/endpoint.js';
import { contextLengthExceeded } from '../../upstreams/upstream-failures.js';
import type { ChatAnswer, ChatChunk } from '../../upstreams/upstream.port.js';
import { TokenRatios, type RatioScope } from './token-ratios.js';

type ChatEndpoint = Endpoint<ChatCompletionRequest, ChatAnswer, ChatChunk>;

const refusal = contextLengthExceeded('too long', { upstreamStatus: 400 });

/** An upstream that says of every prompt that it has so many tokens; `null`: too many. */
function counting(tokens: unknown): ChatEndpoint {
  const usage = { prompt_tokens: tokens, completion_tokens: 1, total_tokens: 1 };
  return {
    ...chatEndpoint,
    complete: () =>
      tokens === null ? Promise.reject(refusal) : Promise.resolve({ choices: [], usage } as ChatAnswer),
    stream: () =>
      tokens === null
        ? throwError(() => refusal)
        : of({ choices: [] }, { choices: [], usage } as unknown as ChatChunk),
  };
}

const HERE = { accountId: 'acct_1', model: 'm', conversation: 'talk' };

const endpointOf = (told: unknown): ChatEndpoint =>
  new TokenRatios().learningFrom(counting(told), HERE, { tokens: 10_000, textOnly: true });

const CALL = [undefined, undefined, undefined, undefined] as unknown as Parameters<ChatEndpoint['complete']>;
const STREAM = CALL as unknown as Parameters<ChatEndpoint['stream']>;

describe.each(['whole', 'streamed'])('the ratio of a tokenizer, of an answer that is %s', (how) => {
  async function ask(
    ratios: TokenRatios,
    told: unknown,
    tokens: number | undefined,
    { scope = HERE, textOnly = true }: { scope?: RatioScope; textOnly?: boolean } = {},
  ): Promise<void> {
    const endpoint = ratios.learningFrom(counting(told), scope, { tokens, textOnly });
    if (how === 'whole') await endpoint.complete(...CALL).catch(() => {});
    else await lastValueFrom(endpoint.stream(...STREAM)).catch(() => {});
  }

  it('is that of the most that was told, and comes down slowly', async () => {
    const ratios = new TokenRatios();
    expect(ratios.of(HERE)).toBe(1);
    await ask(ratios, 12_000, 10_000);
    expect(ratios.of(HERE)).toBeCloseTo(1.2);
    await ask(ratios, 10_000, 10_000);
    expect(ratios.of(HERE)).toBeGreaterThan(1.18);
    for (let more = 0; more < 200; more += 1) await ask(ratios, 9_000, 10_000);
    expect(ratios.of(HERE)).toBe(1);
    expect(ratios.of({ ...HERE, model: 'another' })).toBe(1);
  });

  it('grows with every refusal, up to twice', async () => {
    const ratios = new TokenRatios();
    await ask(ratios, null, 10_000);
    expect(ratios.of(HERE)).toBeCloseTo(1.1);
    for (let more = 0; more < 20; more += 1) await ask(ratios, null, 10_000);
    expect(ratios.of(HERE)).toBe(2);
  });

  it('is learnt for each account by itself', async () => {
    const ratios = new TokenRatios();
    await ask(ratios, 20_000, 10_000);
    await ask(ratios, null, 10_000);
    expect(ratios.of({ ...HERE, accountId: 'acct_2' })).toBe(1);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(2);
  });

  it('of a prompt with pictures is that of its conversation alone, and eases with the turns after it', async () => {
    const ratios = new TokenRatios();
    await ask(ratios, 50_000, 10_000, { textOnly: false });
    expect(ratios.of(HERE)).toBe(2);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(1);
    for (let more = 0; more < 200; more += 1) await ask(ratios, 10_000, 10_000);
    expect(ratios.of(HERE)).toBeLessThan(1.01);
  });

  it('of a refused prompt with pictures grows in its conversation alone', async () => {
    const ratios = new TokenRatios();
    await ask(ratios, null, 10_000, { textOnly: false });
    expect(ratios.of(HERE)).toBeCloseTo(1.1);
    expect(ratios.of({ ...HERE, conversation: 'other' })).toBe(1);
  });

  it('of a prompt with pictures in no conversation is not learnt at all', async () => {
    const ratios = new TokenRatios();
    const scope = { ...HERE, conversation: undefined };
    await ask(ratios, 50_000, 10_000, { textOnly: false, scope });
    expect(ratios.of(scope)).toBe(1);
  });

  it('forgets the conversations and accounts that taught longest ago', async () => {
    const ratios = new TokenRatios();
    for (let i = 0; i <= 1_000; i += 1) {
      await ask(ratios, null, 10_000, { textOnly: false, scope: { ...HERE, conversation: `talk ${i}` } });
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
  ])('does not learn from %s', async (_what, told, counted) => {
    const ratios = new TokenRatios();
    await ask(ratios, told, counted);
    expect(ratios.of(HERE)).toBe(1);
  });
});

it('passes on what was answered and what failed', async () => {
  await expect(endpointOf(5).complete(...CALL)).resolves.toMatchObject({ choices: [] });
  await expect(endpointOf(null).complete(...CALL)).rejects.toBe(refusal);
  await expect(lastValueFrom(endpointOf(5).stream(...STREAM))).resolves.toMatchObject({ choices: [] });
  await expect(lastValueFrom(endpointOf(null).stream(...STREAM))).rejects.toBe(refusal);
});

import { describe, expect, it } from '@jest/globals';
import { lastValueFrom, of, throwError } from 'rxjs';
import type { ChatCompletionRequest } from '../../contracts/openai/chat-completion.js';
import { chatEndpoint } from '../../inference/chat.endpoint.js';
import type { Endpoint } from '../../inference/endpoint.js';
import { contextLengthExceeded } from '../../upstreams/upstream-failures.js';
import type { ChatAnswer, ChatChunk } from '../../upstreams/upstream.port.js';
import { TokenRatios } from './token-ratios.js';

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

const endpointOf = (told: unknown): ChatEndpoint =>
  new TokenRatios().learningFrom(counting(told), 'm', 10_000);

const CALL = [undefined, undefined, undefined, undefined] as unknown as Parameters<ChatEndpoint['complete']>;
const STREAM = CALL as unknown as Parameters<ChatEndpoint['stream']>;

describe.each(['whole', 'streamed'])('the ratio of a tokenizer, of an answer that is %s', (how) => {
  async function ask(ratios: TokenRatios, told: unknown, counted: number | undefined): Promise<void> {
    const endpoint = ratios.learningFrom(counting(told), 'm', counted);
    if (how === 'whole') await endpoint.complete(...CALL).catch(() => {});
    else await lastValueFrom(endpoint.stream(...STREAM)).catch(() => {});
  }

  it('is that of the most that was told, and comes down slowly', async () => {
    const ratios = new TokenRatios();
    expect(ratios.of('m')).toBe(1);
    await ask(ratios, 12_000, 10_000);
    expect(ratios.of('m')).toBeCloseTo(1.2);
    await ask(ratios, 10_000, 10_000);
    expect(ratios.of('m')).toBeGreaterThan(1.18);
    for (let more = 0; more < 200; more += 1) await ask(ratios, 9_000, 10_000);
    expect(ratios.of('m')).toBe(1);
    expect(ratios.of('another')).toBe(1);
  });

  it('grows with every refusal, up to twice', async () => {
    const ratios = new TokenRatios();
    await ask(ratios, null, 10_000);
    expect(ratios.of('m')).toBeCloseTo(1.1);
    for (let more = 0; more < 20; more += 1) await ask(ratios, null, 10_000);
    expect(ratios.of('m')).toBe(2);
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
    expect(ratios.of('m')).toBe(1);
  });
});

it('passes on what was answered and what failed', async () => {
  await expect(endpointOf(5).complete(...CALL)).resolves.toMatchObject({ choices: [] });
  await expect(endpointOf(null).complete(...CALL)).rejects.toBe(refusal);
  await expect(lastValueFrom(endpointOf(5).stream(...STREAM))).resolves.toMatchObject({ choices: [] });
  await expect(lastValueFrom(endpointOf(null).stream(...STREAM))).rejects.toBe(refusal);
});

import { describe, expect, it } from '@jest/globals';
import { UpstreamError } from '../../upstreams/upstream.errors.js';
import {
  answering,
  callOf,
  complete,
  naming,
  neverAnswers,
  promptOf,
  turn,
  usage,
} from '../../../test/support/chat-only-upstream.js';
import { completeOverChat } from './over-chat.js';

describe('completeOverChat', () => {
  it('case 88: one prompt becomes one user message, and its answer one choice with usage', async () => {
    const upstream = answering(naming);
    const answer = await complete(upstream, { prompt: 'a' });
    expect(upstream.calls.map(({ request }) => request)).toEqual([
      { model: 'm', messages: [{ role: 'user', content: 'a' }] },
    ]);
    expect(upstream.calls[0]).toMatchObject({ requestId: 'req_1', timeouts: { totalMs: 1 } });
    expect(answer.choices).toEqual([{ text: '<a0>', index: 0, logprobs: null, finish_reason: 'stop' }]);
    expect(answer.usage).toMatchObject(usage(2, 3) as object);
  });

  it('case 89: two prompts with n 2 are prompt-major, in whatever order their answers come', async () => {
    const first = Promise.withResolvers<void>();
    const upstream = answering(async (request) => {
      if (promptOf(request) === 'a') await first.promise;
      else first.resolve();
      const { choices, ...rest } = naming(request);
      return { ...rest, choices: choices.toReversed() };
    });
    const answer = await complete(upstream, { prompt: ['a', 'b'], n: 2 });
    expect(answer.choices.map(({ index, text }) => [index, text])).toEqual([
      [0, '<a0>'],
      [1, '<a1>'],
      [2, '<b0>'],
      [3, '<b1>'],
    ]);
    expect(answer.usage).toMatchObject(usage(4, 12) as object);
  });

  it('case 90: a list of token ids is one prompt, a list of lists is several', async () => {
    const upstream = answering(naming);
    await complete(upstream, { prompt: [1, 2, 3] });
    await complete(upstream, { prompt: [[1], [2]] });
    expect(upstream.calls.map(({ request }) => promptOf(request))).toEqual(['"#$', '"', '#']);
  });

  it('case 90: an id that stands for no text is refused before anything is called', async () => {
    const upstream = answering(neverAnswers);
    await expect(complete(upstream, { prompt: [1, 200_018] })).rejects.toMatchObject({
      code: 'upstream_rejected_request',
      param: 'prompt',
      message: expect.stringContaining('200018'),
    });
    expect(upstream.calls).toEqual([]);
  });

  it.each([
    { echo: true, text: 'a' },
    { echo: false, text: '' },
  ])('max_tokens 0 with echo $echo calls nobody and ends with "length"', async ({ echo, text }) => {
    const upstream = answering(neverAnswers);
    const answer = await complete(upstream, { prompt: ['a', 'a'], n: 2, max_tokens: 0, echo, logprobs: 0 });
    expect(upstream.calls).toEqual([]);
    expect(answer.usage).toBeUndefined();
    expect(answer.choices).toEqual(
      [0, 1, 2, 3].map((index) => ({
        text,
        index,
        ...(echo ? { echoedChars: 1 } : {}),
        logprobs: { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] },
        finish_reason: 'length',
      })),
    );
  });

  it('sums usage with its details, and reports none unless every call did', async () => {
    const reports: Record<string, unknown> = {
      a: { ...(usage(5, 6) as object), prompt_tokens_details: { cached_tokens: 4 } },
      b: { ...(usage(7, 8) as object), completion_tokens_details: { reasoning_tokens: 3 } },
      negative: usage(-1, 2),
    };
    const upstream = answering((request) => ({ ...naming(request), usage: reports[promptOf(request)] }));
    expect((await complete(upstream, { prompt: ['a', 'b'] })).usage).toMatchObject({
      ...(usage(12, 14) as object),
      prompt_tokens_details: { cached_tokens: 4 },
      completion_tokens_details: { reasoning_tokens: 3 },
    });
    expect((await complete(upstream, { prompt: ['a', 'silent'] })).usage).toBeUndefined();
    expect((await complete(upstream, { prompt: ['a', 'negative'] })).usage).toBeUndefined();
  });

  it('never has more than four calls under way', async () => {
    let underWay = 0;
    let most = 0;
    const upstream = answering(async (request) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await turn();
      underWay -= 1;
      return naming(request);
    });
    const prompts = Array.from({ length: 11 }, (_, index) => `p${index}-`);
    const answer = await complete(upstream, { prompt: prompts });
    expect(most).toBe(4);
    expect(answer.choices.map(({ text }) => text)).toEqual(prompts.map((prompt) => `<${prompt}0>`));
  });

  it('fails with the first failure, aborts the other calls and begins no more', async () => {
    const aborted: string[] = [];
    const upstream = answering(async (request, signal) => {
      const prompt = promptOf(request);
      if (prompt === 'c') throw new UpstreamError('upstream_rate_limited', 'Slow down.');
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(prompt);
          reject(new UpstreamError('upstream_unavailable', 'aborted'));
        });
      });
    });
    await expect(complete(upstream, { prompt: ['a', 'b', 'c', 'd', 'e', 'f'] })).rejects.toMatchObject({
      code: 'upstream_rate_limited',
    });
    expect(aborted).toEqual(['a', 'b', 'd']);
    await turn();
    expect(upstream.calls).toHaveLength(4);
  });

  it("passes the caller's abort on to every call under way", async () => {
    const signals: AbortSignal[] = [];
    const begun = Promise.withResolvers<void>();
    const upstream = answering(async (_request, signal) => {
      signals.push(signal);
      if (signals.length === 3) begun.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new UpstreamError('upstream_unavailable', 'aborted')));
      });
    });
    const client = new AbortController();
    const answer = completeOverChat(upstream, callOf({ prompt: ['a', 'b', 'c'] }), client.signal);
    await begun.promise;
    client.abort();
    await expect(answer).rejects.toBeInstanceOf(UpstreamError);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });
});

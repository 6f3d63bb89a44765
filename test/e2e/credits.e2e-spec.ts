import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { payingKey } from '../support/paying-key.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

/** 100 completion tokens cost 0.005 USD, one credit; prompts are free, so a hold is exactly what is charged. */
const ONE_CREDIT_MODEL = `
  - id: test/one-credit
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
const ASK = { model: 'test/one-credit', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

describe('credits', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, ONE_CREDIT_MODEL) });
    upstream.on('one-credit', (response, request) => {
      const usage = wireUsage(5, 100 * Number(request.body['n'] ?? 1));
      return request.body['stream'] === true
        ? sse(chatChunks('some text', { usage }))(response, request)
        : json(chatAnswer({ content: 'some text', usage }))(response, request);
    });
  });
  afterEach(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const keyWith = (credits: number) => payingKey(tollgate, credits * 100);

  it.each([
    { kind: 'whole', body: ASK, credits: 10, answers: 10 },
    { kind: 'streamed', body: { ...ASK, stream: true }, credits: 10, answers: 10 },
    { kind: 'n = 2', body: { ...ASK, n: 2 }, credits: 20, answers: 10 },
  ])(
    'S46, P4: 200 parallel requests, $kind, on credit for exactly 10 get exactly 10 answers',
    async ({ body, credits, answers }) => {
      const key = await keyWith(credits);
      const responses = await Promise.all(
        Array.from({ length: 200 }, () => tollgate.post('/api/v1/chat/completions', body, key.headers)),
      );
      const texts = await Promise.all(responses.map((response) => response.text()));

      const complete = responses.filter(
        (response, i) => response.status === 200 && !texts[i]?.includes('"error"'),
      );
      expect(complete).toHaveLength(answers);
      const refused = responses.filter((response) => response.status === 429);
      expect(refused).toHaveLength(200 - answers);
      expect(JSON.parse(texts[responses.indexOf(refused[0]!)]!)).toMatchObject({
        error: { type: 'insufficient_quota', code: 'insufficient_quota' },
      });
      expect(refused[0]?.headers.get('x-should-retry')).toBe('false');
      expect(await key.balance()).toBe(0n);
    },
  );

  it('two accounts share nothing', async () => {
    const [poor, rich] = [await keyWith(0), await keyWith(2)];
    expect((await tollgate.post('/v1/chat/completions', ASK, poor.headers)).status).toBe(429);
    expect((await tollgate.post('/v1/chat/completions', ASK, rich.headers)).status).toBe(200);
    expect(await rich.balance()).toBe(100n);
  });

  it('S44: n 128 with a huge max_tokens on a tiny balance is refused before the upstream is called', async () => {
    const key = await keyWith(5);
    const before = upstream.requests.length;
    const response = await tollgate.post(
      '/v1/chat/completions',
      { ...ASK, n: 128, max_tokens: 10_000 },
      key.headers,
    );
    expect(response.status).toBe(429);
    expect(upstream.requests).toHaveLength(before);
    expect(await key.balance()).toBe(500n);
  });

  it('a request without max_tokens does not lock a paying key out of further requests', async () => {
    // The model's whole limit would be 100 credits; the account has 40.
    const key = await keyWith(40);
    const { max_tokens: _limit, ...unlimited } = ASK;
    const responses = await Promise.all(
      Array.from({ length: 4 }, () => tollgate.post('/api/v1/chat/completions', unlimited, key.headers)),
    );
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    await Promise.all(responses.map((response) => response.text()));
    expect(await key.balance()).toBe(3600n);
  });

  it('an answer that costs more than its hold takes the rest from what is available', async () => {
    const key = await keyWith(20);
    upstream.enqueue(json(chatAnswer({ content: 'x'.repeat(4000), usage: wireUsage(5, 1000) })));
    const { max_tokens: _limit, ...unlimited } = ASK;
    const response = await tollgate.post('/api/v1/chat/completions', unlimited, key.headers);
    expect(await response.json()).toMatchObject({ usage: { total_credit: 10, completion_tokens: 1000 } });
    expect(await key.balance()).toBe(1000n);
  });

  it('an answer that nobody can pay for is cut to the part that was paid, and the balance is 0', async () => {
    const key = await keyWith(6);
    upstream.enqueue(json(chatAnswer({ content: 'x'.repeat(4000), usage: wireUsage(5, 1000) })));
    const { max_tokens: _limit, ...unlimited } = ASK;
    const response = await tollgate.post('/api/v1/chat/completions', unlimited, key.headers);
    const body = (await response.json()) as {
      choices: { finish_reason: string; message: { content: string } }[];
    };
    expect(body).toMatchObject({ usage: { total_credit: 6, completion_tokens: 600 } });
    expect(body.choices[0]?.finish_reason).toBe('length');
    expect(body.choices[0]?.message.content).toHaveLength(2400);
    expect(await key.balance()).toBe(0n);
  });

  it('of an answer that is cut no part is handed over unpaid', async () => {
    const key = await keyWith(6);
    const content = '👍'.repeat(500);
    const answer = chatAnswer({ content, reasoning: 'r'.repeat(3000), usage: wireUsage(5, 1000) });
    const [choice] = answer['choices'] as Record<string, unknown>[];
    const token = { token: '👍', logprob: 0, bytes: null, top_logprobs: [] };
    Object.assign(choice!, {
      logprobs: { content: Array.from({ length: 500 }, () => token), refusal: null },
    });
    upstream.enqueue(json(answer));
    const { max_tokens: _limit, ...unlimited } = ASK;
    const body = { ...unlimited, logprobs: true };
    const response = await tollgate.post('/api/v1/chat/completions', body, key.headers);
    const shortened = (await response.json()) as { choices: { message: Record<string, string> }[] };
    expect(shortened).toMatchObject({ usage: { total_credit: 6 }, choices: [{ logprobs: null }] });
    // 60 % of the bytes that were written, in the order of writing.
    const { message } = shortened.choices[0]!;
    expect([message['reasoning_content']?.length, message['content']]).toEqual([3000, '']);
  });

  it('an upstream failure before the first byte gives the whole hold back', async () => {
    const key = await keyWith(1);
    upstream.enqueue(failure(500));
    expect((await tollgate.post('/api/v1/chat/completions', ASK, key.headers)).status).toBe(502);
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
    expect(await key.balance()).toBe(100n);
    expect((await tollgate.post('/api/v1/chat/completions', ASK, key.headers)).status).toBe(200);
  });
});

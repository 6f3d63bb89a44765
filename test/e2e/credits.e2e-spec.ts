import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';
import { readStream } from '../support/wire-stream.js';

/** 100 completion tokens cost 0.005 USD, one credit; prompts are free, so a hold is exactly what is charged. */
const ONE_CREDIT_MODEL = `
  - id: test/one-credit
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
/** The same price, and nobody knows how long an answer may be. */
const UNLIMITED_MODEL = `
  - id: test/unlimited
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: unlimited } ]
`;
const ASK = { model: 'test/one-credit', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };

describe('credits', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({
      yaml: catalogueYaml(upstream.baseUrl, ONE_CREDIT_MODEL + UNLIMITED_MODEL),
    });
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

  async function keyWith(credits: number) {
    const key = await tollgate.newKey({}, BigInt(credits * 100));
    return {
      ...key,
      headers: { authorization: `Bearer ${key.secret}` },
      balance: async () =>
        (await tollgate.app.get(BalanceRepository, { strict: false }).find(key.accountId))?.balanceHundredths,
    };
  }

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

  async function streamed(key: Awaited<ReturnType<typeof keyWith>>, model: string) {
    const { messages } = ASK;
    const body = { model, messages, stream: true };
    const response = await tollgate.post('/api/v1/chat/completions', body, key.headers);
    const { chunks } = await readStream(response);
    const said = chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('');
    const id = response.headers.get('x-request-id');
    const answer = await tollgate.get(`/api/v1/requests/${id}`, key.headers);
    const story = (await answer.json()) as { outcome: string; hold: { amount: number } };
    return { said, end: chunks.at(-1)?.choices[0]?.finish_reason, story };
  }

  it.each(['test/one-credit', 'test/unlimited'])(
    'what comes at once and costs more than the first hold is not cut while there is credit (%s)',
    async (model) => {
      // The first hold is of 512 tokens; the first event has more, and so has the second one.
      const key = await keyWith(60);
      const [long, longer] = ['words '.repeat(500), 'words '.repeat(1500)];
      upstream.enqueue(sse(chatChunks([long, longer, 'end'])));
      expect(await streamed(key, model)).toMatchObject({
        said: `${long}${longer}end`,
        end: 'stop',
        story: { outcome: 'completed' },
      });
    },
  );

  it('a stream that nobody limits goes on for as long as there is credit', async () => {
    const key = await keyWith(600);
    upstream.enqueue(sse(chatChunks(pieces(100)), { delayMs: 1 }));
    const { said, end, story } = await streamed(key, 'test/unlimited');
    expect([said.length, end, story]).toEqual([
      150_000,
      'stop',
      expect.objectContaining({ outcome: 'completed' }),
    ]);
    expect(story.hold.amount).toBeGreaterThanOrEqual(500);
  });

  it('a stream that nobody limits ends where the credit does, with length', async () => {
    const key = await keyWith(300);
    upstream.enqueue(sse(chatChunks(pieces(200)), { delayMs: 1 }));
    const { said, end, story } = await streamed(key, 'test/unlimited');
    expect([end, story.outcome, story.hold.amount]).toEqual(['length', 'cut_at_limit', 300]);
    expect(said).toHaveLength(60 * 1500);
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

/** Of 500 tokens each, as they are counted while they go by; at most 5 credits. */
function pieces(count: number): string[] {
  return Array.from({ length: count }, () => 'words '.repeat(250));
}

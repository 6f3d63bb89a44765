import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConcurrencySlotsService } from '../../src/throttling/concurrency-slots.service.js';
import { AdminClient } from '../support/admin-client.js';
import { eventually } from '../support/eventually.js';
import { failure, json, sse, stall, type Reply } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const CHAT = '/api/v1/chat/completions';
const ASK = { model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };
const STREAMED = { ...ASK, stream: true };

/** A reply that waits until it is let go. */
function gated(reply: Reply): { reply: Reply; open: () => void } {
  const gate = Promise.withResolvers<void>();
  return {
    reply: (response, request) => gate.promise.then(() => reply(response, request)),
    open: gate.resolve,
  };
}

describe('max_concurrency', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({
      yaml: catalogueYaml(upstream.baseUrl),
      env: { UPSTREAM_TIMEOUT_MS: '400' },
    });
    admin = new AdminClient(tollgate);
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const inUse = (keyId: string): number => tollgate.app.get(ConcurrencySlotsService).inUse(keyId);

  it('refuses what is more than its slots, says when to come back, and lets in what comes later', async () => {
    const key = await admin.key({ max_concurrency: 2 });
    const other = await admin.key({ account_id: key.accountId, max_concurrency: 1 });
    const replies = [gated(json(chatAnswer())), gated(sse(chatChunks()))];
    upstream.enqueue(...replies.map(({ reply }) => reply));
    const running = [ASK, STREAMED].map((body) => tollgate.post(CHAT, body, key.headers));
    await eventually(() => inUse(key.id) === 2, 'two requests under way');
    for (const body of [ASK, STREAMED]) {
      const refused = await tollgate.post(CHAT, body, key.headers);
      expect(refused.status).toBe(429);
      expect(await refused.json()).toEqual({
        error: {
          message:
            'Rate limit reached on concurrent requests: Limit 2, Used 2, Requested 1. Please try again in 1s.',
          type: 'requests',
          param: null,
          code: 'rate_limit_exceeded',
        },
      });
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(refused.headers.has('x-should-retry')).toBe(false);
    }
    // Reads take no slot, and other keys have their own.
    expect((await tollgate.get('/v1/models', key.headers)).status).toBe(200);
    expect((await tollgate.post(CHAT, { ...ASK, model: 'sandbox/echo' }, other.headers)).status).toBe(200);
    for (const { open } of replies) open();
    for (const response of await Promise.all(running)) {
      expect(response.status).toBe(200);
      await response.text();
    }
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(200);
  });

  it('one slot serves any number of requests in a row, whole and streamed, without a refusal', async () => {
    const key = await admin.key({ max_concurrency: 1 });
    for (let i = 0; i < 20; i += 1) {
      const response = await tollgate.post(CHAT, i % 2 === 0 ? ASK : STREAMED, key.headers);
      expect(response.status).toBe(200);
      await response.text();
    }
  });

  it('100 requests at once on 3 slots: at any moment at most 3 reach the upstream', async () => {
    const key = await admin.key({ max_concurrency: 3 });
    let running = 0;
    let most = 0;
    const watched: Reply = async (response, request) => {
      most = Math.max(most, (running += 1));
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      await json(chatAnswer())(response, request);
    };
    upstream.on('upstream-model', watched);
    const responses = await Promise.all(
      Array.from({ length: 100 }, () => tollgate.post(CHAT, ASK, key.headers)),
    );
    upstream.clear();
    const statuses = new Set(responses.map(({ status }) => status));
    expect([...statuses].toSorted()).toEqual([200, 429]);
    expect(most).toBeLessThanOrEqual(3);
    expect(inUse(key.id)).toBe(0);
  });

  it.each([
    { end: 'the answer', body: ASK, reply: json(chatAnswer()), status: 200 },
    { end: 'the stream’s end', body: STREAMED, reply: sse(chatChunks()), status: 200 },
    { end: 'an upstream’s failure', body: ASK, reply: failure(500), status: 502 },
    { end: 'an upstream’s failure before a stream', body: STREAMED, reply: failure(500), status: 502 },
    {
      end: 'a stream that breaks',
      body: STREAMED,
      reply: sse(chatChunks('some text').slice(0, 2), { done: false, ending: 'reset' }),
      status: 200,
    },
    { end: 'a deadline', body: ASK, reply: stall(), status: 504 },
    { end: 'a deadline before a stream', body: STREAMED, reply: stall(), status: 504 },
    { end: 'an unknown model', body: { ...ASK, model: 'no/such' }, reply: undefined, status: 404 },
    { end: 'a body that is none', body: '{', reply: undefined, status: 400 },
    {
      end: 'a cost beyond its budget',
      body: { ...ASK, n: 128, max_tokens: 60_000 },
      reply: undefined,
      status: 429,
    },
  ])('the slot is free again after $end', async ({ body, reply, status }) => {
    const key = await admin.key({ max_concurrency: 1, budget: 10 });
    // Twice: the second would be refused if the first had kept the slot.
    for (let i = 0; i < 2; i += 1) {
      if (reply !== undefined) upstream.enqueue(reply);
      const response = await tollgate.post(CHAT, body, key.headers);
      expect(response.status).toBe(status);
      await response.text().catch(() => undefined);
      await eventually(() => inUse(key.id) === 0, 'a free slot');
    }
  });

  it.each([
    ['a whole answer', ASK],
    ['a stream before its first event', STREAMED],
  ])('the slot is free again when the client leaves during %s', async (_what, body) => {
    const key = await admin.key({ max_concurrency: 1 });
    upstream.enqueue(gated(json(chatAnswer())).reply);
    const leave = new AbortController();
    const asked = fetch(`${tollgate.origin}${CHAT}`, {
      method: 'POST',
      headers: { ...key.headers, 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: leave.signal,
    });
    await eventually(() => inUse(key.id) === 1, 'a request under way');
    leave.abort();
    await expect(asked).rejects.toThrow('aborted');
    await eventually(() => inUse(key.id) === 0, 'a free slot');
  });

  it('the slot is free again when the client leaves in the middle of a stream', async () => {
    const key = await admin.key({ max_concurrency: 1 });
    upstream.enqueue(sse(chatChunks('some text').slice(0, 2), { done: false, ending: 'stall' }));
    const leave = new AbortController();
    const response = await fetch(`${tollgate.origin}${CHAT}`, {
      method: 'POST',
      headers: { ...key.headers, 'content-type': 'application/json' },
      body: JSON.stringify(STREAMED),
      signal: leave.signal,
    });
    await response.body?.getReader().read();
    expect(inUse(key.id)).toBe(1);
    leave.abort();
    await eventually(() => inUse(key.id) === 0, 'a free slot');
  });

  it('a change holds from the next request on', async () => {
    const key = await admin.key({ max_concurrency: 1 });
    const reply = gated(json(chatAnswer()));
    upstream.enqueue(reply.reply);
    const running = tollgate.post(CHAT, ASK, key.headers);
    await eventually(() => inUse(key.id) === 1, 'a request under way');
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(429);
    await admin.patch(`/keys/${key.id}`, { max_concurrency: null });
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(200);
    reply.open();
    expect((await running).status).toBe(200);
  });
});

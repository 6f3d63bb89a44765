import { afterEach, describe, expect, it } from '@jest/globals';
import { expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import { failure, sse, stall } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp, type WireApp } from '../support/wire-app.js';
import { rawExchange, rawRequest } from '../support/wire-raw.js';
import { chatBody, completionBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

async function limited(
  { tollgate }: WireApp,
  limits: { requestsPerMinute?: number; tokensPerMinute?: number; accountId?: string },
): Promise<{ headers: { authorization: string }; accountId: string }> {
  const { secret, accountId } = await tollgate.newKey(limits);
  return { headers: { authorization: `Bearer ${secret}` }, accountId };
}

const open: RawClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

describe('requests a minute by key', () => {
  const app = useWireApp();

  it('of two hundred at once, over all surfaces and endpoints, exactly ten pass', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 10 });
    const asks = Array.from({ length: 200 }, (_, i) => {
      const surface = SURFACES[i % 3] ?? W;
      return i % 2 === 0
        ? app.tollgate.post(surface.chat, chatBody({ stream: i % 4 === 0 }), headers)
        : app.tollgate.post(surface.completions, completionBody({ model: 'test/native' }), headers);
    });
    const answers = await Promise.all(asks);
    const passed = answers.filter(({ status }) => status === 200);
    expect(passed).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(190);
    expect(app.upstream.requests).toHaveLength(10);
    const left = passed.map((answer) => Number(answer.headers.get('x-ratelimit-remaining-requests')));
    expect(left.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip', 'x-client-ip', 'x-forwarded-host', 'user-agent'])(
    'S39: another %s is no other caller',
    async (name) => {
      const { headers } = await limited(app, { requestsPerMinute: 2 });
      const statuses: number[] = [];
      for (const value of ['198.51.100.1', '198.51.100.2', '198.51.100.3']) {
        statuses.push((await app.tollgate.post(W.chat, '{}', { ...headers, [name]: value })).status);
      }
      expect(statuses).toEqual([400, 400, 429]);
    },
  );

  it('S40: another spelling of a path is no other bucket', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 1 });
    expect((await app.tollgate.post(W.chat, chatBody(), headers)).status).toBe(200);
    for (const path of [
      W.chat,
      `${W.chat}/`,
      '/V1/Chat/COMPLETIONS',
      '/chat/completions',
      `${W.chat}?a=1`,
      `http://other.example${W.chat}`,
      W.completions,
      Q.chat,
      Q.completions,
      L.chat,
      L.completions,
    ]) {
      const request = rawRequest('POST', path, headers, JSON.stringify(chatBody()));
      expect((await rawExchange(app.tollgate.port, request)).status).toBe(429);
    }
    expect(app.upstream.requests).toHaveLength(1);
  });

  it('reads have a limit of their own, over all paths and methods that read', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 3 });
    const statuses: number[] = [];
    for (const [method, path] of [
      ['GET', W.models],
      ['HEAD', Q.models],
      ['GET', `${L.models}/sandbox/echo`],
      ['GET', '/api/v1/chat/models'],
    ] as const) {
      statuses.push((await app.tollgate.request(method, path, { headers })).status);
    }
    expect(statuses).toEqual([200, 200, 200, 429]);
    const inference = await app.tollgate.post(W.chat, chatBody(), headers);
    expect(inference.status).toBe(200);
    expect(inference.headers.get('x-ratelimit-remaining-requests')).toBe('2');
  });

  it('keys of one account do not share a limit', async () => {
    const first = await limited(app, { requestsPerMinute: 1 });
    const second = await limited(app, { requestsPerMinute: 1, accountId: first.accountId });
    const statuses: number[] = [];
    for (const { headers } of [first, first, second, second]) {
      statuses.push((await app.tollgate.post(W.chat, chatBody(), headers)).status);
    }
    expect(statuses).toEqual([200, 429, 200, 429]);
  });

  it('a refused request takes nothing: asking on does not put off the next one', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 2 });
    const statuses: number[] = [];
    for (let i = 0; i < 30; i += 1) statuses.push((await app.tollgate.post(W.chat, '{}', headers)).status);
    expect(statuses).toEqual([400, 400, ...Array<number>(28).fill(429)]);
    const refused = await app.tollgate.post(W.chat, '{}', headers);
    const waitMs = Number(refused.headers.get('retry-after-ms'));
    // One in thirty seconds, however often one asks.
    expect(waitMs).toBeGreaterThan(0);
    expect(waitMs).toBeLessThanOrEqual(30_000);
    expect(refused.headers.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(refused.headers.get('retry-after')).toBe(String(Math.ceil(waitMs / 1000)));
  });

  it('says to the unit what is left and when all of it is back', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 1 });
    const { headers: told } = await app.tollgate.post(W.chat, chatBody(), headers);
    expect(told.get('x-ratelimit-limit-requests')).toBe('1');
    expect(told.get('x-ratelimit-remaining-requests')).toBe('0');
    expect(told.get('x-ratelimit-reset-requests')).toBe('1m0s');
    expect(told.get('x-ratelimit-limit-tokens')).toBe('10000000');
    // "hi" in a message is guessed to have 8 tokens, and its answer 1,024 at most; 167 are back in a millisecond.
    expect(told.get('x-ratelimit-remaining-tokens')).toBe('9998968');
    expect(told.get('x-ratelimit-reset-tokens')).toBe('7ms');
  });

  it('says it in the six headers that clients know and in no others', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 1 });
    for (const status of [200, 429]) {
      const response = await app.tollgate.post(W.chat, chatBody(), headers);
      expect(response.status).toBe(status);
      const names = [...response.headers.keys()].filter((name) => /ratelimit/i.test(name));
      expect(names.toSorted()).toEqual(
        ['limit', 'remaining', 'reset'].flatMap((what) => [
          `x-ratelimit-${what}-requests`,
          `x-ratelimit-${what}-tokens`,
        ]),
      );
    }
  });

  it('S50: who is not known is told nothing of limits, and takes nothing from anybody', async () => {
    const { headers } = await limited(app, { requestsPerMinute: 1 });
    for (const authorization of [undefined, `${headers.authorization}x`, 'Basic x']) {
      const response = await app.tollgate.post(W.chat, chatBody(), { authorization });
      expect(response.status).toBe(401);
      expect([...response.headers.keys()].filter((name) => name.startsWith('x-ratelimit'))).toEqual([]);
    }
    expect((await app.tollgate.post(W.chat, chatBody(), headers)).status).toBe(200);
  });

  it.each([
    ['401 comes', async () => ({ authorization: 'Bearer sk-tg-nobody' }), 401],
    [
      '429 comes',
      async () => {
        const { headers } = await limited(app, { requestsPerMinute: 1 });
        await app.tollgate.post(W.chat, chatBody(), headers);
        return headers;
      },
      429,
    ],
  ])('§1.4: %s before a byte of the body has been sent', async (_name, headersOf, status) => {
    const client = await RawClient.connect(app.tollgate.port);
    open.push(client);
    const headers = { ...(await headersOf()), 'content-length': '10000000' };
    client.send(httpRequest(W.chat, { headers }));
    await client.seen(`HTTP/1.1 ${status} `);
    expect(app.upstream.requests.length).toBeLessThanOrEqual(1);
  });
});

describe('tokens a minute by key', () => {
  const app = useWireApp();

  it.each(SURFACES)('what a failed request had reserved is given back ($name)', async (surface) => {
    // A request without a limit of its own reserves a thousand and more: two do not fit.
    const { headers } = await limited(app, { tokensPerMinute: 1_500 });
    for (let i = 0; i < 5; i += 1) {
      app.upstream.enqueue(failure(400, 'no'));
      expect((await app.tollgate.post(surface.chat, chatBody(), headers)).status).toBe(400);
    }
    expect((await app.tollgate.post(surface.chat, chatBody(), headers)).status).toBe(200);
  });

  it.each([false, true])('what an answer did not use is given back (stream: %s)', async (stream) => {
    const { headers } = await limited(app, { tokensPerMinute: 1_500 });
    for (let i = 0; i < 10; i += 1) {
      const response = await app.tollgate.post(Q.chat, chatBody({ stream }), headers);
      expect(response.status).toBe(200);
      await response.text();
    }
  });

  it('what an answer used beyond its estimate is owed', async () => {
    const { headers } = await limited(app, { tokensPerMinute: 1_500 });
    const usage = { prompt_tokens: 9, completion_tokens: 4_491, total_tokens: 4_500 };
    app.upstream.enqueue(sse(chatChunks('Hello', { usage })));
    await (await app.tollgate.post(Q.chat, chatBody({ stream: true }), headers)).text();
    const response = await app.tollgate.post(Q.chat, chatBody({ max_tokens: 1 }), headers);
    expect(response.status).toBe(429);
    expect(response.headers.get('x-ratelimit-remaining-tokens')).toBe('0');
    // Three minutes' worth was used: two are owed before the first token is back, and a client is told of one.
    expect(response.headers.get('x-ratelimit-reset-tokens')).toMatch(/^(2m5\ds|3m0s)$/);
    expect(response.headers.get('retry-after')).toBe('60');
  });

  it('of fifty at once only the two pass that fit', async () => {
    const { headers } = await limited(app, { tokensPerMinute: 100 });
    app.upstream.otherwise(stall());
    const leaving = new AbortController();
    let refused = 0;
    const answers = Array.from({ length: 50 }, async () => {
      const response = await fetch(`${app.tollgate.origin}${Q.chat}`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(chatBody({ max_tokens: 38 })),
        signal: leaving.signal,
      });
      if (response.status === 429) refused += 1;
    });
    try {
      await eventually(
        () => refused === 48 && app.upstream.requests.length === 2,
        '48 refusals and 2 requests',
      );
    } finally {
      leaving.abort();
      await Promise.allSettled(answers);
    }
    await expectNothingOpen(app);
    expect(refused).toBe(48);
    expect(app.upstream.requests).toHaveLength(2);
  });
});

import { request as httpRequest, type ClientRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { endless, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

const MIB = 1024 * 1024;

/** Free, so that no hold ends an answer before its length does. */
const FREE_MODEL = `
  - id: test/free
    context_length: 100000000
    max_completion_tokens: 100000000
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: free } ]
`;
const ASK = { model: 'test/free', messages: [{ role: 'user', content: 'hi' }] };
const CHAT = '/v1/chat/completions';

describe('the memory of answers under an Idempotency-Key', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let serial = 0;
  let name = '';

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, FREE_MODEL) });
  });
  beforeEach(() => {
    name = `bound-${(serial += 1)}`;
    upstream.clear();
  });
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  const ask = (body: object = ASK) => tollgate.post(CHAT, body, { 'idempotency-key': name });

  /** A client that reads nothing of its answer. */
  function mute(body: object): ClientRequest {
    const request = httpRequest(`${tollgate.origin}${CHAT}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${tollgate.key}`,
        'content-type': 'application/json',
        'idempotency-key': name,
      },
    });
    request.on('error', () => {});
    request.end(JSON.stringify(body));
    return request;
  }

  it('an endless stream that nobody reads any more is stopped and charged once; a repetition is told so', async () => {
    upstream.enqueue(endless(chatChunks('x'.repeat(16_384))[1]));
    const leaver = new AbortController();
    const response = await fetch(`${tollgate.origin}${CHAT}`, {
      method: 'POST',
      body: JSON.stringify({ ...ASK, stream: true }),
      headers: {
        authorization: `Bearer ${tollgate.key}`,
        'content-type': 'application/json',
        'idempotency-key': name,
      },
      signal: leaver.signal,
    });
    await response.body?.getReader().read();
    leaver.abort();
    expect(await upstream.requests[0]?.closed).toBe('aborted');
    await eventually(() => tollgate.openRequests === 0, 'no open request');
    const usage = await tollgate.usageOf(response.headers.get('x-request-id') ?? '');
    expect(usage?.outcome).toBe('client_left');
    const again = await ask({ ...ASK, stream: true });
    expect(again.status).toBe(409);
    expect(again.headers.get('x-should-retry')).toBe('false');
    expect(await again.json()).toMatchObject({ error: { code: 'idempotency_not_kept' } });
    expect(upstream.requests).toHaveLength(1);
  }, 60_000);

  it('a stream too long to be kept goes on as long as somebody reads it', async () => {
    const text = 'y'.repeat(16_384);
    const chunks = chatChunks(Array.from({ length: 700 }, () => text).join(' '), { usage: wireUsage(5, 9) });
    upstream.enqueue(sse(chunks));
    const answer = await (await ask({ ...ASK, stream: true })).text();
    expect(answer.length).toBeGreaterThan(8 * MIB);
    expect(answer.endsWith('data: [DONE]\n\n')).toBe(true);
    expect((await ask({ ...ASK, stream: true })).status).toBe(409);
  }, 60_000);

  it('a whole answer too long to be kept is given once', async () => {
    upstream.enqueue(json(chatAnswer({ content: 'z'.repeat(9 * MIB), usage: wireUsage(5, 9) })));
    expect((await ask()).status).toBe(200);
    expect((await ask()).status).toBe(409);
    expect(upstream.requests).toHaveLength(1);
  }, 60_000);

  it.each([false, true])(
    'one kept answer is in memory once, however many repetitions read nothing of it (stream: %s)',
    async (stream) => {
      const content = 'w'.repeat(6 * MIB);
      const usage = wireUsage(5, 9);
      upstream.enqueue(stream ? sse(chatChunks(content, { usage })) : json(chatAnswer({ content, usage })));
      const first = await (await ask({ ...ASK, stream })).text();
      expect(first.length).toBeGreaterThan(6 * MIB);
      const before = process.memoryUsage();
      const clients = Array.from({ length: 60 }, () => mute({ ...ASK, stream }));
      const heads = await Promise.all(
        clients.map(
          (client) =>
            new Promise<number>((resolve) => client.on('response', (r) => resolve(r.statusCode ?? 0))),
        ),
      );
      expect(heads).toEqual(clients.map(() => 200));
      await sleep(200);
      const after = process.memoryUsage();
      const grown = after.external + after.heapUsed - before.external - before.heapUsed;
      // Sixty copies would be more than 360 MiB.
      expect(grown).toBeLessThan(150 * MIB);
      for (const client of clients) client.destroy();
      expect(await (await ask({ ...ASK, stream })).text()).toBe(first);
    },
    60_000,
  );

  it('repetitions of different answers that read nothing keep no more than a bound, and others are still answered', async () => {
    const content = 'v'.repeat(7 * MIB);
    const usage = wireUsage(5, 9);
    upstream.otherwise(json(chatAnswer({ content, usage })));
    const names = Array.from({ length: 8 }, (_, i) => `${name}-${i}`);
    for (name of names) expect((await ask()).status).toBe(200);
    const clients: ClientRequest[] = [];
    for (name of names) clients.push(mute(ASK));
    const statuses = await Promise.all(
      clients.map(
        (client) =>
          new Promise<number>((resolve) => client.on('response', (r) => resolve(r.statusCode ?? 0))),
      ),
    );
    // 32 MiB of one account: four answers of seven.
    expect(statuses.filter((status) => status === 200)).toHaveLength(4);
    expect(statuses.filter((status) => status === 503)).toHaveLength(4);
    for (const client of clients) client.destroy();
    name = names[7] ?? '';
    expect((await ask()).status).toBe(200);
  }, 60_000);
});

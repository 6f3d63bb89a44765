import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { billOf, expectNothingOpen, expectUnbilled } from '../support/aftermath.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import {
  failure,
  redirect,
  type Reply,
  resetBeforeHead,
  sse,
  stall,
} from '../support/fake-upstream-replies.js';
import { chatChunks, wireError } from '../support/fake-upstream-wire.js';
import { MODEL, Tollgate } from '../support/tollgate.js';
import { UnreachableHost } from '../support/unreachable-host.js';
import type { WireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

/** Upstreams by name, and models by the names of the upstreams that their routes lead to, the first first. */
function catalogue(upstreams: Record<string, string>, models: Record<string, string[]>): string {
  const places = Object.entries(upstreams).map(
    ([name, baseUrl]) => `  ${name}: { protocol: openai, base_url: "${baseUrl}" }\n`,
  );
  const entries = Object.entries(models).map(([id, names]) => {
    const routes = names.map((name, n) => `{ upstream: ${name}, model: at-${name}, priority: ${n + 1} }`);
    return `  - { id: "${id}", pricing: { prompt: "0.0000003", completion: "0.0000025" }, routes: [${routes.join(', ')}] }\n`;
  });
  return `upstreams:\n${places.join('')}models:\n${entries.join('')}`;
}

let first: FakeUpstream;
let second: FakeUpstream;
let unreachable: UnreachableHost;
let app: WireApp;

beforeAll(async () => {
  first = await FakeUpstream.start();
  second = await FakeUpstream.start();
  unreachable = await UnreachableHost.start();
  const upstreams = {
    first: first.baseUrl,
    second: second.baseUrl,
    refused: await FakeUpstream.refused(),
    unknown: 'http://tollgate.invalid/v1',
    unreachable: unreachable.baseUrl,
  };
  const yaml = catalogue(upstreams, {
    [MODEL]: ['first'],
    refused: ['refused'],
    unknown: ['unknown'],
    unreachable: ['unreachable'],
    'two-routes': ['first', 'second'],
    'refused-first': ['refused', 'second'],
    'unknown-first': ['unknown', 'second'],
    'unreachable-first': ['unreachable', 'second'],
  });
  const env = { UPSTREAM_CONNECT_TIMEOUT_MS: '300', UPSTREAM_TIMEOUT_MS: '3000' };
  app = { upstream: first, tollgate: await Tollgate.start({ yaml, env }) };
});
afterEach(() => {
  first.clear();
  second.clear();
});
afterAll(async () => {
  await app.tollgate.close();
  await Promise.all([first.close(), second.close()]);
  unreachable.close();
});

const ways = [
  { how: 'whole', stream: false },
  { how: 'streamed', stream: true },
];

describe('an upstream that cannot be reached', () => {
  const near = ['refused', 'unknown'].flatMap((model) =>
    SURFACES.flatMap((surface) => ways.map((way) => ({ model, surface, ...way }))),
  );
  const far = ways.map((way) => ({ model: 'unreachable', surface: Q, ...way }));
  const cases = [...near, ...far].map((one) => ({
    ...one,
    name: one.surface.name,
    row: one.model === 'refused' ? 'U1' : 'U2',
  }));

  it.each(cases)('$row: a host that is $model is an upstream that is away ($name, $how)', async (one) => {
    const { surface, model, stream } = one;
    const askedAtMs = performance.now();
    const response = await app.tollgate.post(surface.chat, chatBody({ model, stream }));
    // The deadline of a connection is 300 ms here, in steps of half a second; the system's own would be minutes.
    expect(performance.now() - askedAtMs).toBeLessThan(2_500);
    const { error } = await expectFailure(response, surface, surface.upstreamFailed.status, {
      message: "The model's provider cannot be reached at the moment.",
      code: surface.upstreamFailed.code,
    });
    expect(error.message).not.toMatch(/127|invalid|ENOTFOUND|ECONN/);
    await expectUnbilled(app, response);
    await expectNothingOpen(app);
  });
});

async function warmUp(): Promise<void> {
  await (await app.tollgate.post(W.chat, chatBody())).text();
}

describe('a connection that the upstream closed meanwhile', () => {
  it.each(ways)('U4: is replaced once, silently, and one answer is paid ($how)', async ({ stream }) => {
    await warmUp();
    first.enqueue(resetBeforeHead());
    const response = await app.tollgate.post(Q.chat, chatBody({ stream }));
    expect(response.status).toBe(200);
    await response.text();
    expect(first.requests.map(({ reused }) => reused)).toEqual([expect.any(Boolean), true, false]);
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed', creditHundredths: 1n });
    await expectNothingOpen(app);
  });

  it.each(ways)('U4: is not replaced twice ($how)', async ({ stream }) => {
    await warmUp();
    first.enqueue(resetBeforeHead(), resetBeforeHead());
    const response = await app.tollgate.post(Q.chat, chatBody({ stream }));
    expect(response.status).toBe(502);
    expect(first.requests).toHaveLength(3);
    await expectUnbilled(app, response);
  });
});

describe('U28: a redirect', () => {
  it.each(ways)('is not followed: the other host never hears of us ($how)', async ({ stream }) => {
    first.enqueue(redirect(`${second.baseUrl}/chat/completions`));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream }));
    expect(response.status).toBe(502);
    expect(response.headers.get('location')).toBeNull();
    expect(second.requests).toHaveLength(0);
    await expectUnbilled(app, response);
  });
});

describe('a model with two routes', () => {
  const answeredBySecond: readonly (readonly [row: string, what: string, reply: Reply])[] = [
    ['U5', 'breaks off before its head', resetBeforeHead()],
    ['U6', 'limits us', failure(429)],
    ['U8', 'fails', failure(500)],
    ['U8', 'is overloaded', failure(529)],
    ['U9', 'refuses our key', failure(401)],
    ['U11', 'answers with nonsense', sse(['nonsense'])],
    ['U15', 'fails in its first event', sse([wireError('overloaded', { code: 503 })])],
  ];
  const fallbacks = answeredBySecond.flatMap(([row, what, reply]) =>
    ways.map((way) => ({ row, what, reply, ...way })),
  );

  it.each(fallbacks)(
    '$row: is served by the second when the first $what, at one price ($how)',
    async ({ reply, stream }) => {
      first.enqueue(reply);
      const response = await app.tollgate.post(Q.chat, chatBody({ model: 'two-routes', stream }));
      expect(response.status).toBe(200);
      await response.text();
      expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
      expect(second.requests[0]?.body['model']).toBe('at-second');
      expect(await app.tollgate.usageOf(response)).toMatchObject({
        outcome: 'completed',
        upstream: 'second',
        promptTokens: 9,
        completionTokens: 3,
        creditHundredths: 1n,
      });
      await expectNothingOpen(app);
    },
  );

  it.each(
    [
      ['U1', 'refused-first'],
      ['U2', 'unknown-first'],
      ['U2', 'unreachable-first'],
    ].flatMap(([row, model]) => ways.map((way) => ({ row, model, ...way }))),
  )('$row: is served by the second when the first is $model ($how)', async ({ model, stream }) => {
    const response = await app.tollgate.post(Q.chat, chatBody({ model, stream }));
    expect(response.status).toBe(200);
    await response.text();
    expect(second.requests).toHaveLength(1);
    expect(await app.tollgate.usageOf(response)).toMatchObject({ outcome: 'completed', upstream: 'second' });
  });

  it.each([
    ['U3', 'the time is used up', stall(), 504],
    ['U10', 'the request is at fault', failure(400, 'No.'), 400],
  ] as const)('%s: is not served by the second when %s', async (_row, _what, reply, status) => {
    first.enqueue(reply);
    const response = await app.tollgate.post(Q.chat, chatBody({ model: 'two-routes' }));
    expect(response.status).toBe(status);
    expect(second.requests).toHaveLength(0);
    await expectUnbilled(app, response);
  });

  it('U17: is not served by the second when the first breaks off in mid-answer', async () => {
    const [role, hello] = chatChunks();
    first.enqueue(sse([role, hello], { done: false, ending: 'reset' }));
    const response = await app.tollgate.post(Q.chat, chatBody({ model: 'two-routes', stream: true }));
    expect(await response.text()).toContain('"code":"upstream_error"');
    expect(second.requests).toHaveLength(0);
    expect(await billOf(app, response)).toMatchObject({ outcome: 'upstream_failed', upstream: 'first' });
  });

  it('fails as the last of them when both fail', async () => {
    first.enqueue(failure(500));
    second.enqueue(failure(429, '', { headers: { 'retry-after': '7' } }));
    const response = await app.tollgate.post(Q.chat, chatBody({ model: 'two-routes', stream: true }));
    await expectFailure(response, Q, 429, { code: 'rate_limit_exceeded' });
    expect(response.headers.get('retry-after')).toBe('7');
    await expectUnbilled(app, response);
    const rows = (await app.tollgate.allUsage()).filter(
      ({ requestId }) => requestId === response.headers.get('x-request-id'),
    );
    expect(rows).toHaveLength(1);
  });

  it('U9, I8: tells the operator of each attempt, by upstream and code', async () => {
    first.enqueue(failure(401));
    await readStream(await app.tollgate.post(Q.chat, chatBody({ model: 'two-routes', stream: true })));
    const metrics = await app.tollgate.get('/metrics', { authorization: 'Bearer admin-key-of-the-tests' });
    expect(await metrics.text()).toMatch(
      /^tollgate_upstream_failures_total\{upstream="first",code="upstream_error"\} [1-9]/m,
    );
  });
});

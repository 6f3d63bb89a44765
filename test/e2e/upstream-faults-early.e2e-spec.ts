import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { expectNothingOpen, expectUnbilled } from '../support/aftermath.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import {
  failure,
  garbage,
  json,
  raw,
  redirect,
  type Reply,
  resetBeforeHead,
  sse,
  stall,
  truncated,
} from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireError } from '../support/fake-upstream-wire.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';
import type { WireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, SURFACES } from '../support/wire-surfaces.js';

const SECRET = 'sk-upstream-zk9w1e142a1d70e1';
/** What an upstream might say of itself and of us, and no client may read. */
const TELLTALE = `Key ${SECRET} refused at http://vllm-7.corp.internal:8000/v1 (10.1.2.3), see trace zk9w`;
const LEAK = /sk-upstream|zk9w|vllm|corp|10\.1\.2\.3|127\.0\.0\.1|localhost|ECONN|UND_ERR|SyntaxError|html/i;

const HTML = { headers: { 'content-type': 'text/html' } };
const JSON_TYPE = { headers: { 'content-type': 'application/json' } };

interface Fault {
  readonly row: string;
  readonly what: string;
  readonly reply: Reply;
  /** As Q and L say it; W has 499 for everything that is not the caller's own fault. */
  readonly status: number;
  readonly code: string;
  readonly only?: 'whole' | 'streamed';
}

const failed = { status: 502, code: 'upstream_error' } as const;
const timedOut = { status: 504, code: 'timeout' } as const;
const limited = { status: 429, code: 'rate_limit_exceeded' } as const;

const FAULTS: readonly Fault[] = [
  { row: 'U3', what: 'never answers', reply: stall(), ...timedOut },
  { row: 'U5', what: 'resets a fresh connection', reply: resetBeforeHead(), ...failed },
  { row: 'U6', what: '429', reply: failure(429, TELLTALE, { headers: { 'retry-after': '2' } }), ...limited },
  ...[500, 502, 503, 529, 418].map((status) => ({
    row: 'U8',
    what: `${status}`,
    reply: failure(status, TELLTALE),
    ...failed,
  })),
  { row: 'U8', what: '504', reply: failure(504, TELLTALE), ...timedOut },
  { row: 'U8', what: 'a 500 page', reply: raw(`<html>${TELLTALE}`, { status: 500, ...HTML }), ...failed },
  { row: 'U9', what: '401', reply: failure(401, TELLTALE, { code: 'invalid_api_key' }), ...failed },
  { row: 'U9', what: '403', reply: failure(403, TELLTALE), ...failed },
  { row: 'U9', what: '402', reply: failure(402, TELLTALE), ...failed },
  { row: 'U9', what: '400 about our key', reply: failure(400, `Incorrect API key: ${SECRET}`), ...failed },
  { row: 'U9', what: '404', reply: failure(404, TELLTALE), ...failed },
  { row: 'U11', what: 'a web page', reply: raw(`<html>${TELLTALE}`, HTML), ...failed },
  { row: 'U11', what: 'an empty body', reply: raw('', JSON_TYPE), ...failed },
  { row: 'U11', what: '{}', reply: json({}), ...failed },
  { row: 'U11', what: 'no choices', reply: json(chatAnswer({ n: 0 })), ...failed },
  { row: 'U11', what: 'no HTTP', reply: garbage(), ...failed },
  { row: 'U11', what: 'an empty stream', reply: sse([]), ...failed, only: 'streamed' },
  { row: 'U11', what: 'events that are no JSON', reply: sse([TELLTALE]), ...failed, only: 'streamed' },
  { row: 'U12', what: 'JSON cut short', reply: truncated(JSON.stringify(chatAnswer()), 60), ...failed },
  { row: 'U12', what: 'JSON reset', reply: truncated(JSON.stringify(chatAnswer()), 60, 'reset'), ...failed },
  { row: 'U11', what: 'an error in a 200', reply: json(wireError(TELLTALE, { code: 500 })), ...failed },
  { row: 'U15', what: 'an error event', reply: sse([wireError(TELLTALE, { code: 502 })]), ...failed },
  { row: 'U15', what: 'a 429 event', reply: sse([wireError(TELLTALE, { code: 429 })]), ...limited },
  {
    row: 'U15',
    what: 'an error event after the role',
    reply: sse([chatChunks()[0], wireError(TELLTALE, { code: 'server_error' })]),
    ...failed,
    only: 'streamed',
  },
  {
    row: 'U15',
    what: 'usage, then a reset',
    reply: sse([chatChunks().at(-1)], { done: false, ending: 'reset' }),
    ...failed,
    only: 'streamed',
  },
  {
    row: 'U17',
    what: 'a reset after the role',
    reply: sse([chatChunks()[0]], { done: false, ending: 'reset' }),
    ...failed,
    only: 'streamed',
  },
  { row: 'U28', what: 'a redirect', reply: redirect('http://127.0.0.1:9/v1/chat/completions'), ...failed },
];

describe('an upstream that fails before the first token', () => {
  let app: WireApp;
  beforeAll(async () => {
    const upstream = await FakeUpstream.start();
    const yaml = catalogueYaml(upstream.baseUrl).replace('protocol: openai,', '$& api_key: "${MAIN_KEY}",');
    const env = { MAIN_KEY: SECRET, UPSTREAM_TIMEOUT_MS: '150' };
    app = { upstream, tollgate: await Tollgate.start({ yaml, env }) };
  });
  afterEach(() => app.upstream.clear());
  afterAll(async () => {
    await app.tollgate.close();
    await app.upstream.close();
  });

  const ways = SURFACES.flatMap((surface) => [
    { surface, name: surface.name, how: 'whole' },
    { surface, name: surface.name, how: 'streamed' },
  ]);
  const cases = FAULTS.flatMap((fault) =>
    ways.filter(({ how }) => (fault.only ?? how) === how).map((way) => ({ ...way, ...fault })),
  );

  it.each(cases)('$row: $what is a failure with a status, unbilled ($name, $how)', async (fault) => {
    const { surface, reply, how } = fault;
    // On a connection of its own, as after a pause: a reused one might be retried (U4).
    app.upstream.dropConnections();
    app.upstream.enqueue(reply);
    const response = await app.tollgate.post(surface.chat, chatBody({ stream: how === 'streamed' }));

    const { status, code } =
      surface.name === 'W'
        ? { status: 499, code: 'inference_error' }
        : { status: fault.status, code: fault.code };
    const body = await expectFailure(response, surface, status, { param: null, code });
    expect(JSON.stringify(body) + JSON.stringify([...response.headers])).not.toMatch(LEAK);
    expect(response.headers.get('x-should-retry')).toBe(fault.status === 504 ? 'false' : null);
    expect(response.headers.get('retry-after')).toBe(
      status === 429 ? (fault.row === 'U6' ? '2' : '1') : null,
    );
    expect(response.headers.get('www-authenticate')).toBeNull();

    await expectUnbilled(app, response);
    expect(app.upstream.requests).toHaveLength(1);
    expect(app.upstream.requests[0]?.headers.authorization).toBe(`Bearer ${SECRET}`);
    await expectNothingOpen(app);
  });

  const tooLong = "This model's maximum context length is 8192 tokens, however you requested 9000.";

  it.each(ways)(
    'U10: a context that is too long is the caller’s 400, in words ($name, $how)',
    async (way) => {
      const reply = failure(400, tooLong, { param: 'messages', code: 'context_length_exceeded' });
      app.upstream.enqueue(reply);
      const response = await app.tollgate.post(
        way.surface.chat,
        chatBody({ stream: way.how === 'streamed' }),
      );
      await expectFailure(response, way.surface, 400, {
        message: tooLong,
        type: 'invalid_request_error',
        param: 'messages',
        code: 'context_length_exceeded',
      });
      await expectUnbilled(app, response);
    },
  );

  it.each(ways)(
    'U10: what else the upstream dislikes passes, without our secrets ($name, $how)',
    async (way) => {
      app.upstream.enqueue(
        failure(400, `Unsupported value: temperature. ${TELLTALE}`, { param: 'temperature' }),
      );
      const response = await app.tollgate.post(
        way.surface.chat,
        chatBody({ stream: way.how === 'streamed' }),
      );
      const { error } = await expectFailure(response, way.surface, 400, {
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'upstream_rejected_request',
      });
      expect(error.message).toMatch(/^Unsupported value: temperature\./);
      expect(error.message).not.toMatch(/sk-upstream|vllm|corp|10\.1\.2\.3/);
      await expectUnbilled(app, response);
    },
  );
});

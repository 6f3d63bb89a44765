import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { rawExchange, rawRequest } from '../support/wire-raw.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, completionBody, Q, SURFACES, type WireSurface } from '../support/wire-surfaces.js';

describe('case 103: many streams at once', () => {
  const app = useWireApp();

  it.each(SURFACES)('50 of them keep their ids and their words apart ($name)', async ({ chat }) => {
    const said = Array.from({ length: 50 }, (_, index) => `stream number ${index} says ${'x'.repeat(index)}`);
    const streams = await Promise.all(
      said.map(async (content) => {
        const body = chatBody({ model: 'sandbox/echo', stream: true, messages: [{ role: 'user', content }] });
        const response = await app.tollgate.post(chat, body);
        const { chunks, trailers } = await readStream(response);
        const text = chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('');
        return { ids: new Set([...chunks, ...trailers].map(({ id }) => id)), text };
      }),
    );
    expect(streams.map(({ text }) => text)).toEqual(said);
    for (const { ids } of streams) expect(ids.size).toBe(1);
    expect(new Set(streams.flatMap(({ ids }) => [...ids])).size).toBe(50);
  });
});

interface Attack {
  readonly what: string;
  readonly status: number | 'invalid';
  send(surface: WireSurface): Promise<Response>;
}

const CHAT_FIELDS =
  'model messages stream stream_options temperature n max_tokens stop seed tools tool_choice logit_bias response_format metadata user'.split(
    ' ',
  );
const COMPLETION_FIELDS = 'model prompt n best_of max_tokens logprobs echo suffix'.split(' ');

const encoded = (encoding: string) => ({ 'content-encoding': encoding });

describe('case 105: no failure ever has a shape that is not ours', () => {
  const app = useWireApp({ env: { MAX_BODY_BYTES: '65536' } });
  const post = (path: string, body: unknown, headers: Record<string, string | undefined> = {}) =>
    app.tollgate.post(path, body, headers);

  const ATTACKS: readonly Attack[] = [
    { what: 'no such path', status: 404, send: ({ base }) => post(`${base}/nope`, {}) },
    { what: 'a stored completion', status: 404, send: ({ chat }) => app.tollgate.get(`${chat}/chatcmpl-1`) },
    { what: 'no such model object', status: 404, send: ({ models }) => app.tollgate.get(`${models}/x`) },
    { what: 'no such model', status: 404, send: ({ chat }) => post(chat, chatBody({ model: 'x' })) },
    ...['PUT', 'PATCH', 'DELETE'].map((method): Attack => ({
      what: `${method} on chat`,
      status: 405,
      send: ({ chat }) => app.tollgate.request(method, chat),
    })),
    {
      what: 'GET on completions',
      status: 405,
      send: ({ completions }) => app.tollgate.get(completions),
    },
    { what: 'POST on models', status: 405, send: ({ models }) => post(models, {}) },
    { what: 'an undecodable path', status: 400, send: ({ models }) => app.tollgate.get(`${models}/%zz`) },
    { what: 'a body too large', status: 413, send: ({ chat }) => post(chat, 'x'.repeat(65_537)) },
    {
      what: 'a body that grows too large',
      status: 413,
      send: ({ chat }) => post(chat, gzipSync(Buffer.alloc(1_000_000, ' ')), encoded('gzip')),
    },
    {
      what: 'text/plain',
      status: 415,
      send: ({ chat }) => post(chat, 'hi', { 'content-type': 'text/plain' }),
    },
    {
      what: 'a charset',
      status: 415,
      send: ({ chat }) => post(chat, '{}', { 'content-type': 'application/json; charset=utf-16' }),
    },
    { what: 'zstd', status: 415, send: ({ chat }) => post(chat, zstdCompressSync('{}'), encoded('zstd')) },
    { what: 'no gzip in gzip', status: 400, send: ({ chat }) => post(chat, '{}', encoded('gzip')) },
    { what: 'no UTF-8', status: 400, send: ({ chat }) => post(chat, Buffer.from([0x22, 0xff, 0x22])) },
    { what: 'bad JSON', status: 'invalid', send: ({ chat }) => post(chat, '{"a":') },
    { what: 'an empty body', status: 'invalid', send: ({ chat }) => post(chat, '') },
    { what: 'deep JSON', status: 'invalid', send: ({ chat }) => post(chat, '['.repeat(40_000)) },
    { what: 'a prototype', status: 'invalid', send: ({ chat }) => post(chat, '{"__proto__":{"model":"x"}}') },
    {
      what: 'too many headers',
      status: 431,
      send: ({ chat }) =>
        post(chat, chatBody(), Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-h${i}`, '1']))),
    },
    {
      what: 'a throttled key',
      status: 429,
      send: async ({ chat }) => {
        const { secret } = await app.tollgate.newKey({ requestsPerMinute: 1 });
        const headers = { authorization: `Bearer ${secret}` };
        await post(chat, {}, headers);
        return post(chat, {}, headers);
      },
    },
  ];

  it.each(
    ATTACKS.flatMap((attack) => SURFACES.map((surface) => ({ ...attack, surface, name: surface.name }))),
  )('$what ($name)', async ({ surface, status, send }) => {
    await expectFailure(await send(surface), surface, status === 'invalid' ? surface.invalid : status);
  });

  it.each(SURFACES)('any JSON at all is refused as a request, never as a crash ($name)', async (surface) => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.constantFrom(surface.chat, surface.completions),
        async (body, path) => {
          await expectFailure(await post(path, JSON.stringify(body)), surface, surface.invalid);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(SURFACES)(
    'a good request with any field replaced is answered or refused, never a crash ($name)',
    async (surface) => {
      const request = fc.oneof(
        fc.tuple(fc.constant(surface.chat), fc.constant(chatBody()), fc.constantFrom(...CHAT_FIELDS)),
        fc.tuple(
          fc.constant(surface.completions),
          fc.constant(completionBody()),
          fc.constantFrom(...COMPLETION_FIELDS),
        ),
      );
      await fc.assert(
        fc.asyncProperty(request, fc.jsonValue(), async ([path, body, field], value) => {
          const response = await post(path, { ...body, [field]: value });
          if (response.status === 200) await response.arrayBuffer();
          else await expectFailure(response, surface, response.status === 404 ? 404 : surface.invalid);
        }),
        { numRuns: 60 },
      );
    },
  );

  it('any path in any method is ours to answer', async () => {
    const prefix = fc.constantFrom('', ...SURFACES.flatMap(({ base, chat, models }) => [base, chat, models]));
    const tail = fc.webPath({ size: 'small' });
    const method = fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE');
    await fc.assert(
      fc.asyncProperty(prefix, tail, method, async (start, end, verb) => {
        const response = await app.tollgate.request(verb, `${start}${end}`);
        const text = await response.text();
        if (response.ok) return;
        const body = JSON.parse(text) as { error?: unknown };
        expect(body).toHaveProperty('error.message', expect.any(String));
        expect(body).not.toHaveProperty('statusCode');
        expect(response.status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a bad request line', 'NONSENSE\r\n\r\n', 400],
    ['two lengths', rawRequest('POST', Q.chat, { 'content-length': '1', 'Content-Length': '2' }), 400],
    ['an unknown transfer coding', rawRequest('POST', Q.chat, { 'transfer-encoding': 'xchunked' }), 400],
    ['a header line without a name', `GET / HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n`, 400],
    ['two hosts', rawRequest('GET', Q.models, { host: 'a', Host: 'b' }), 400],
    ['no host', 'GET /v1/models HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['an unknown method', rawRequest('BREW', Q.chat), 400],
    ['TRACE', rawRequest('TRACE', Q.chat), 405],
    ['an unknown expectation', rawRequest('GET', Q.models, { expect: 'miracles' }), 401],
    ['a header of 20 kB', rawRequest('GET', Q.models, { 'x-long': 'x'.repeat(20_000) }), 431],
  ])('not even for %s', async (_what, bytes, status) => {
    const answer = await rawExchange(app.tollgate.port, bytes);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(JSON.parse(answer.body)).toHaveProperty('error.message', expect.any(String));
  });
});

describe('case 105: nor for somebody who guesses keys', () => {
  const app = useWireApp({ env: { AUTH_FAILURES_PER_MINUTE: '3' } });

  it.each(SURFACES)('who is soon told to wait ($name)', async (surface) => {
    const statuses: number[] = [];
    for (let guess = 0; guess < 4; guess += 1) {
      const headers = { authorization: `Bearer guess-${guess}` };
      const response = await app.tollgate.post(surface.chat, {}, headers);
      statuses.push(response.status);
      await expectFailure(response, surface, response.status, { type: expect.any(String) });
    }
    expect(statuses.at(-1)).toBe(429);
  });
});

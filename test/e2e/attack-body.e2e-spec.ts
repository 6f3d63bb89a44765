import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { billOf } from '../support/aftermath.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure, type WireFailure } from '../support/wire-failure.js';
import { chatBody, completionBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const MEBIBYTE = 1024 * 1024;

/** `chatBody` as JSON text with one more field, written as it stands. */
function withField(field: string): string {
  return `{${field},${JSON.stringify(chatBody()).slice(1)}`;
}

function withTwoModels(first: string, last: string): string {
  return `{"model":"${first}",${JSON.stringify(chatBody({ model: last })).slice(1)}`;
}

function each<T>(cases: readonly T[]): { surface: WireSurface; name: string; value: T }[] {
  return SURFACES.flatMap((surface) => cases.map((value) => ({ surface, name: surface.name, value })));
}

describe('bodies that are not what they should be', () => {
  const app = useWireApp();

  async function expectRefused(
    surface: WireSurface,
    body: string | Uint8Array,
    headers = {},
  ): Promise<WireFailure> {
    const response = await app.tollgate.post(surface.chat, body, headers);
    const failure = await expectFailure(response, surface, surface.invalid);
    expect(app.upstream.requests).toHaveLength(0);
    return failure;
  }

  it.each([
    ['__proto__', '"__proto__":{"polluted":true}'],
    ['an escaped __proto__', '"\\u005f_proto__":{"polluted":true}'],
    ['constructor.prototype', '"constructor":{"prototype":{"polluted":true}}'],
    [
      '__proto__ in a message',
      '"messages":[{"__proto__":{"polluted":true},"role":"user","content":"a"}],"x":0',
    ],
    [
      '__proto__ in a schema that is passed on whole',
      '"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","__proto__":{"polluted":true}}}}]',
    ],
  ])('S8: %s pollutes nothing and does not travel on', async (_name, field) => {
    const response = await app.tollgate.post(W.chat, withField(field));
    expect(response.status).toBe(200);
    const { rawBody } = await app.upstream.nextRequest();
    expect(rawBody).not.toMatch(/polluted|__proto__/);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])(
    'S8: no model is called %s',
    async (model) => {
      for (const surface of SURFACES) {
        const response = await app.tollgate.post(surface.chat, chatBody({ model }));
        await expectFailure(response, surface, 404, { code: 'model_not_found' });
        expect((await app.tollgate.get(`${surface.models}/${model}`)).status).toBe(404);
      }
    },
  );

  it.each(
    each(
      ['max_tokens', 'max_completion_tokens', 'n', 'seed', 'top_logprobs'].flatMap((field) =>
        ['1e999', '-1e999', '1e20', '99999999999999999999', '1.5', '"1"', '[1]', 'true'].map(
          (number) => `"${field}":${number}`,
        ),
      ),
    ),
  )('S9: $value is refused before any price is worked out ($name)', async ({ surface, value }) => {
    const { error } = await expectRefused(surface, withField(value));
    expect(error.param).toBe(value.slice(1, value.indexOf('"', 1)));
  });

  it.each(each(['"max_tokens":-1', '"n":0', '"max_tokens":NaN', '"n":Infinity', '"n":0x10', '"n":01']))(
    'S9: $value is refused ($name)',
    async ({ surface, value }) => {
      await expectRefused(surface, withField(value));
    },
  );

  it.each(SURFACES)('S9: so are they in a legacy completion ($name)', async (surface) => {
    for (const field of [
      { max_tokens: 1e20 },
      { n: 1e20 },
      { best_of: 1e20 },
      { prompt: [1e20] },
      { logprobs: 1e20 },
    ]) {
      const response = await app.tollgate.post(surface.completions, completionBody(field));
      await expectFailure(response, surface, surface.invalid, {
        param: expect.stringMatching(Object.keys(field)[0]!),
      });
    }
  });

  it.each(
    each([
      ['[', ']', 2_000],
      ['[', ']', 40_000],
      ['{"a":', '}', 2_000],
      ['{"a":', '}', 40_000],
      // Not closed: refused for its depth all the same.
      ['[', '', 1_000_000],
    ] as const),
  )(
    'S10: $value.2 levels of $value.0 are refused ($name)',
    async ({ surface, value: [open, close, depth] }) => {
      const nested = `${open.repeat(depth)}${close === '' ? '' : `0${close.repeat(depth)}`}`;
      await expectRefused(surface, withField(`"metadata":${nested}`));
      await expectRefused(surface, nested);
      await expectRefused(
        surface,
        withField(`"response_format":{"type":"json_schema","json_schema":{"schema":${nested}}}`),
      );
    },
  );

  it('S10: a schema of a hundred levels is passed on', async () => {
    const parameters = JSON.parse(`${'{"properties":'.repeat(100)}{}${'}'.repeat(100)}`) as object;
    const tools = [{ type: 'function', function: { name: 'f', parameters } }];
    expect((await app.tollgate.post(Q.chat, chatBody({ tools }))).status).toBe(200);
    expect((await app.upstream.nextRequest()).body['tools']).toEqual(tools);
  });

  it.each(each(['[]', '"text"', 'null', '42', 'true', '', ' ', '[{"model":"a"}]']))(
    'S11, S12: $value at the top is refused ($name)',
    async ({ surface, value }) => {
      await expectRefused(surface, value);
    },
  );

  it('S12: an empty body without a content type is refused, not crashed on', async () => {
    const { key, port } = app.tollgate;
    for (const surface of SURFACES) {
      const client = await RawClient.ask(
        port,
        httpRequest(surface.chat, {
          headers: { authorization: `Bearer ${key}`, connection: 'close', 'content-length': '0' },
        }),
      );
      await client.ended;
      expect(client.text).toMatch(new RegExp(`^HTTP/1.1 ${surface.invalid} `));
      client.close();
    }
  });

  it('S13: of two models in one body the last is called, and it is the one that is billed', async () => {
    const response = await app.tollgate.post(Q.chat, withTwoModels(MODEL, 'test/native'));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ model: 'test/native' });
    const { rawBody } = await app.upstream.nextRequest();
    expect(rawBody.match(/"model"/g)).toHaveLength(1);
    expect(JSON.parse(rawBody)).toMatchObject({ model: 'upstream-native' });
    expect(await billOf(app, response)).toMatchObject({
      model: 'test/native',
      upstreamModel: 'upstream-native',
    });

    expect((await app.tollgate.post(Q.chat, withTwoModels('no/such', MODEL))).status).toBe(200);
    expect((await app.tollgate.post(Q.chat, withTwoModels(MODEL, 'no/such'))).status).toBe(404);
  });

  it.each(SURFACES)('S15: only UTF-8 is read ($name)', async (surface) => {
    for (const charset of ['utf-16', 'utf-16le', 'iso-8859-1', 'bogus', `x${'y'.repeat(5_000)}`]) {
      const response = await app.tollgate.post(surface.chat, chatBody(), {
        'content-type': `application/json; charset=${charset}`,
      });
      const { error } = await expectFailure(response, surface, 415, { code: 'unsupported_content_type' });
      expect(error.message.length).toBeLessThan(200);
    }
    const utf16 = new Uint8Array(Buffer.from(JSON.stringify(chatBody()), 'utf16le'));
    await expectRefused(surface, utf16);
  });

  it.each([
    ['a byte that is none', [0xff]],
    ['a sequence cut short', [0xc3]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate half', [0xed, 0xa0, 0x80]],
    ['beyond the last code point', [0xf4, 0x90, 0x80, 0x80]],
  ])('S16: %s is no UTF-8: 400', async (_name, bytes) => {
    const [before = '', after = ''] = JSON.stringify(chatBody()).split('hi');
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, new Uint8Array(body));
      await expectFailure(response, surface, 400, { message: 'The request body is not valid UTF-8.' });
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('S16: half of a pair of surrogates becomes U+FFFD on the way', async () => {
    const body = withField('"user":"u"').replace('"hi"', '"cut \\ud83d here"');
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
    expect((await app.upstream.nextRequest()).rawBody).toContain('"cut \ufffd here"');
  });

  it.each(SURFACES)(
    'S16: U+0000 is harmless where it is text, and refused where it is a name ($name)',
    async (surface) => {
      const text = chatBody({ messages: [{ role: 'user', content: 'a\0b' }], stop: 'x\0' });
      const response = await app.tollgate.post(surface.chat, text, { 'x-request-id': 'a-0' });
      expect(response.status).toBe(200);
      expect(await billOf(app, (await lastRow()).requestId)).toMatchObject({ outcome: 'completed' });
      expect((await app.upstream.nextRequest()).body['messages']).toEqual(text['messages']);
      app.upstream.clear();
      await expectRefused(surface, JSON.stringify(chatBody({ model: `${MODEL}\0` })));
      await expectRefused(surface, JSON.stringify(chatBody({ user: 'a\0' })));
      // As a byte it is not even JSON.
      await expectRefused(surface, JSON.stringify(chatBody()).replace('hi', 'h\0i'));
    },
  );

  it('S16: U+0000 that an upstream says does not keep an answer from being settled', async () => {
    for (const reply of [
      json(chatAnswer({ id: 'a\0', model: 'm\0', content: 'x\0y', finishReason: 'stop\0' })),
      sse(chatChunks(['x\0y'], { id: 'a\0', model: 'm\0', finishReason: 'stop\0' })),
    ]) {
      app.upstream.enqueue(reply);
      const response = await app.tollgate.post(
        Q.chat,
        chatBody({ stream: app.upstream.requests.length > 0 }),
      );
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('x\\u0000y');
      expect(await billOf(app, response)).toMatchObject({ outcome: 'completed', promptTokens: 9 });
    }
  });

  async function lastRow() {
    const row = (await app.tollgate.allUsage()).at(-1);
    if (row === undefined) throw new Error('nothing was billed');
    return row;
  }
});

describe('S14: compressed bodies', () => {
  const app = useWireApp();
  const BOMB = Buffer.alloc(50 * MEBIBYTE, ' ');

  it.each([
    ['gzip', gzipSync(BOMB)],
    ['deflate', deflateSync(BOMB)],
    ['br', brotliCompressSync(BOMB.subarray(0, 30 * MEBIBYTE))],
  ])('a bomb of %s is 413, however small it came', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(60_000);
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, new Uint8Array(bomb), {
        'content-encoding': encoding,
      });
      await expectFailure(response, surface, 413, { code: 'request_too_large' });
    }
  });

  const BODY = Buffer.from(JSON.stringify(chatBody()));
  it.each<[string, number, string, Buffer]>([
    ['zstd', 415, 'zstd', zstdCompressSync(BODY)],
    ['a name of nothing', 415, 'bogus', BODY],
    ['gzip twice, by name', 415, 'gzip, gzip', gzipSync(gzipSync(BODY))],
    ['a name that objects are born with', 415, '__proto__', BODY],
    ['a gzip cut short', 400, 'gzip', gzipSync(BODY).subarray(0, -12)],
    ['no gzip at all', 400, 'gzip', BODY],
    ['deflate cut short', 400, 'deflate', deflateSync(BODY).subarray(0, -6)],
    ['br cut short', 400, 'br', brotliCompressSync(BODY).subarray(0, -6)],
  ])('%s is %d', async (_name, status, encoding, body) => {
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, new Uint8Array(body), {
        'content-encoding': encoding,
      });
      await expectFailure(response, surface, status);
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('gzip in gzip is read once', async () => {
    const body = new Uint8Array(gzipSync(gzipSync(BODY)));
    const response = await app.tollgate.post(L.chat, body, { 'content-encoding': 'gzip' });
    await expectFailure(response, L, 400);
  });
});

const user = (content: unknown) => ({ role: 'user', content });

describe('S17, S18: large bodies', () => {
  const app = useWireApp();
  const tool = { type: 'function', function: { name: 'f' } };

  it('S17: 200 KB are nothing', async () => {
    const body = chatBody({ messages: [user('x'.repeat(200 * 1024))] });
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['10,000 messages', { messages: Array.from({ length: 10_000 }, () => user('x')) }, 'messages'],
    ['a message of 10 MB', { messages: [user('x'.repeat(10 * MEBIBYTE))] }, 'messages[0].content'],
    [
      '10,000 parts',
      { messages: [user(Array.from({ length: 10_000 }, () => ({ type: 'text', text: 'x' })))] },
      'messages[0].content',
    ],
    ['5,000 tools', { tools: Array.from({ length: 5_000 }, () => tool) }, 'tools'],
    ['10,000 stops', { stop: Array.from({ length: 10_000 }, () => 'x') }, 'stop'],
    ['a stop of 1 MB', { stop: 'x'.repeat(MEBIBYTE) }, 'stop'],
    ['a model of 1 MB', { model: 'x'.repeat(MEBIBYTE) }, 'model'],
    [
      '17 pairs of metadata',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, ''])) },
      'metadata',
    ],
    ['a key of 1 MB', { metadata: { ['x'.repeat(MEBIBYTE)]: '' } }, 'metadata'],
    [
      '100,000 biases',
      { logit_bias: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [i, 1])) },
      'logit_bias',
    ],
  ])('S18: %s are refused, in few words', async (_name, field, param) => {
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, chatBody(field));
      const failure = await expectFailure(response, surface, surface.invalid, {
        param: expect.stringContaining(param),
      });
      expect(JSON.stringify(failure).length).toBeLessThan(20_000);
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('S18: a fault beside ten megabytes of text does not send them back', async () => {
    const { model: _model, ...body } = chatBody({
      x: 'x'.repeat(MEBIBYTE),
      messages: 'y'.repeat(8 * MEBIBYTE),
    });
    for (const surface of SURFACES) {
      const failure = await expectFailure(
        await app.tollgate.post(surface.chat, body),
        surface,
        surface.invalid,
        { param: 'model' },
      );
      expect(JSON.stringify(failure).length).toBeLessThan(20_000);
    }
  });

  it('S18: ten thousand faults are told by the first hundred', async () => {
    const messages = Array.from({ length: 8_000 }, () => ({ role: 'nobody' }));
    const response = await app.tollgate.post(L.chat, chatBody({ messages }));
    const { detail } = await expectFailure(response, L, 422);
    expect((detail as unknown[]).length).toBeLessThanOrEqual(100);
  });
});

import { describe, expect, it } from '@jest/globals';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { ADMIN_KEY, MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

const MEBIBYTE = 1024 * 1024;
const OPERATOR = { authorization: `Bearer ${ADMIN_KEY}` };

async function idOf(response: Response): Promise<string> {
  return ((await response.json()) as { id: string }).id;
}

describe('how a body is read', () => {
  const app = useWireApp();

  const CODECS = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const;

  it.each(CODECS)(
    'a few bytes of %s that unpack to megabytes of objects are refused',
    async (encoding, pack) => {
      const body = new Uint8Array(pack(`[${'{},'.repeat(6_600_000)}{}]`));
      for (const surface of SURFACES) {
        const response = await app.tollgate.post(surface.chat, body, { 'content-encoding': encoding });
        await expectFailure(response, surface, 413, {
          code: 'request_too_large',
          message: expect.stringContaining('Send it without compression'),
        });
      }
    },
  );

  it.each(CODECS)('%s of an honest large request is read', async (encoding, pack) => {
    const words = Array.from(
      { length: 200_000 },
      (_, i) => `${(i * 2_654_435_761) % 1_000_003} and ${Math.floor(Math.abs(Math.sin(i)) * 1e9)}`,
    ).join(' ');
    const body = new Uint8Array(
      pack(JSON.stringify(chatBody({ messages: [{ role: 'user', content: words }] }))),
    );
    const response = await app.tollgate.post(Q.chat, body, { 'content-encoding': encoding });
    expect(response.status).toBe(200);
    const { messages } = (await app.upstream.nextRequest()).body as { messages: { content: string }[] };
    expect(messages[0]?.content).toBe(words);
  });

  it('a body of more values than any request has is refused, however few bytes they are', async () => {
    const body = `{"x":[${'{},'.repeat(600_000)}{}],${JSON.stringify(chatBody()).slice(1)}`;
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, body);
      await expectFailure(response, surface, 413, { code: 'request_too_large' });
    }
  });

  it('large honest requests pass: a picture of 19 MB, 8,192 messages, a schema of 50,000 fields', async () => {
    const url = `data:image/png;base64,${'A'.repeat(19 * MEBIBYTE)}`;
    const properties = Object.fromEntries(
      Array.from({ length: 50_000 }, (_, i) => [`field_${i}`, { type: 'string' }]),
    );
    const parameters = { type: 'object', properties };
    for (const fields of [
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] },
      { messages: Array.from({ length: 8_192 }, (_, i) => ({ role: 'user', content: `message ${i}` })) },
      { tools: [{ type: 'function', function: { name: 'f', parameters } }] },
    ]) {
      const body = chatBody(fields);
      expect((await app.tollgate.post(Q.chat, body)).status).toBe(200);
      expect((await app.upstream.nextRequest()).body).toEqual({ ...body, model: 'upstream-model' });
      app.upstream.clear();
    }
  });

  it('eight large bodies at once are all answered', async () => {
    const text = 'x'.repeat(7 * MEBIBYTE);
    const body = JSON.stringify(chatBody({ x: [text, text], messages: [{ role: 'user', content: 'hi' }] }));
    const replies = await Promise.all(Array.from({ length: 8 }, () => app.tollgate.post(Q.chat, body)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200));
  });

  it('half of a pair of surrogates in a key becomes U+FFFD on the way, as in a text', async () => {
    const parameters = '{"type":"object","properties":{"a\\ud83d":{"type":"string"}}}';
    const tools = `"tools":[{"type":"function","function":{"name":"f","parameters":${parameters}}}]`;
    const response = await app.tollgate.post(Q.chat, `{${tools},${JSON.stringify(chatBody()).slice(1)}`);
    expect(response.status).toBe(200);
    const { rawBody } = await app.upstream.nextRequest();
    expect(rawBody).toContain('"a\ufffd"');
    expect(rawBody).not.toMatch(/\\ud83d/i);
  });

  it('a string that never ends is told once where it starts', async () => {
    const response = await app.tollgate.post(W.chat, '{"a":"b');
    await expectFailure(response, W, 400, {
      message:
        'We could not parse the JSON body of your request. It is not valid JSON: Unterminated string starting at character 5.',
    });
  });

  it.each([
    ['metadata', '"metadata":{"__proto__":"x"}'],
    ['logit_bias', '"logit_bias":{"__proto__":1}'],
    ['logit_bias', '"logit_bias":{"1":1,"\\u005f_proto__":1}'],
  ])('a key of %s that no object may have is refused, not dropped', async (field, member) => {
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(
        surface.chat,
        `{${member},${JSON.stringify(chatBody()).slice(1)}`,
      );
      await expectFailure(response, surface, surface.invalid, { param: `${field}.__proto__` });
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(['9007199254740993', '-9007199254740993', '9223372036854775807'])(
    'a seed of %s is refused, not rounded',
    async (seed) => {
      for (const surface of SURFACES) {
        const body = `{"seed":${seed},${JSON.stringify(chatBody()).slice(1)}`;
        await expectFailure(await app.tollgate.post(surface.chat, body), surface, surface.invalid, {
          param: 'seed',
        });
      }
    },
  );

  describe('what is no object', () => {
    const GOT = [
      ['null', 'null'],
      ['[]', 'an array'],
      ['"x"', 'a string'],
      ['1', 'an integer'],
      ['1.5', 'a decimal'],
      ['true', 'a boolean'],
    ] as const;
    const ROUTES = [
      ['POST', '/v1/chat/completions'],
      ['POST', '/v1/completions'],
      ['POST', '/v1/conversations'],
      ['POST', '/v1/conversations/:conversation'],
      ['POST', '/v1/conversations/:conversation/items'],
      ['POST', '/admin/v1/accounts'],
      ['PATCH', '/admin/v1/accounts/:account'],
      ['POST', '/admin/v1/accounts/:account/credits'],
      ['POST', '/admin/v1/keys'],
      ['PATCH', '/admin/v1/keys/:key'],
      ['POST', '/admin/v1/keys/:key/rotate'],
      ['POST', '/admin/v1/chatbots'],
      ['PATCH', '/admin/v1/chatbots/:chatbot'],
      ['POST', '/admin/v1/chatbots/:chatbot/publish'],
      ['POST', '/admin/v1/chatbots/:chatbot/unpublish'],
      ['POST', '/admin/v1/chatbots/:chatbot/versions/1/restore'],
      ['DELETE', '/admin/v1/chatbots/:chatbot'],
    ] as const;

    it.each(ROUTES)('%s %s says what came', async (method, path) => {
      const { tollgate } = app;
      const { id: key, accountId: account } = await tollgate.newKey();
      const conversation = await idOf(await tollgate.post('/v1/conversations', {}));
      const owned = { account_id: account, name: 'bot', model: MODEL };
      const chatbot = await idOf(await tollgate.post('/admin/v1/chatbots', owned, OPERATOR));
      const ids: Record<string, string> = { account, key, conversation, chatbot };
      const target = path.replaceAll(/:(\w+)/g, (_, name: string) => ids[name] ?? '');
      for (const [body, got] of GOT) {
        // Official SDKs have it stand for no body there.
        if (body === 'null' && path === '/v1/conversations') continue;
        const response = await tollgate.request(method, target, {
          body,
          headers: { 'content-type': 'application/json', ...(path.startsWith('/admin') && OPERATOR) },
        });
        expect(response.status).toBe(400);
        expect(await response.json()).toMatchObject({
          error: { message: expect.stringContaining(`Expected a JSON object, but got ${got} instead.`) },
        });
      }
    });
  });
});

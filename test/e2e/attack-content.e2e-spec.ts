import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { ANTHROPIC_KEY, FakeAnthropic } from '../support/fake-anthropic.js';
import { failure, json, raw, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';
import { threadCpuMs } from '../support/thread-cpu.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { readStream } from '../support/wire-stream.js';
import { chatBody, completionBody, Q, SURFACES, W } from '../support/wire-surfaces.js';

/** Somebody who must never hear from us, at every local address. */
class Trap {
  connections = 0;
  private readonly servers = [createServer(), createServer()];
  port = 0;

  async open(): Promise<void> {
    for (const [index, server] of this.servers.entries()) {
      server.on('connection', (socket) => {
        this.connections += 1;
        socket.destroy();
      });
      server.listen({ port: this.port, host: index === 0 ? '127.0.0.1' : '::1' });
      await once(server, 'listening');
      this.port = (server.address() as AddressInfo).port;
    }
  }

  async close(): Promise<void> {
    await Promise.all(
      this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))),
    );
  }
}

const withImage = (url: string) =>
  chatBody({ messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] });

describe('S24: URLs in a request', () => {
  const app = useWireApp();
  const trap = new Trap();
  beforeAll(() => trap.open());
  afterAll(() => trap.close());

  it.each([
    'http://127.0.0.1:PORT/a.png',
    'http://[::1]:PORT/a.png',
    'http://localhost:PORT/a.png',
    'http://0x7f.1:PORT/a.png',
    'http://2130706433:PORT/a.png',
    'http://127.1:PORT/a.png',
    'http://[::ffff:127.0.0.1]:PORT/a.png',
    'http://user:password@127.0.0.1:PORT/a.png',
    'HTTPS://127.0.0.1:PORT/',
    'http://169.254.169.254/latest/meta-data/',
    'http://127.0.0.1.nip.io:PORT/',
    'http://x@127.0.0.1:PORT\\@example.com/',
  ])('%s is passed on as it is and never opened', async (template) => {
    const url = template.replace('PORT', String(trap.port));
    for (const { chat } of SURFACES) {
      expect((await app.tollgate.post(chat, withImage(url))).status).toBe(200);
      expect((await app.upstream.nextRequest()).rawBody).toContain(JSON.stringify(url));
      const sandboxed = { ...withImage(url), model: 'sandbox/chat' };
      expect((await app.tollgate.post(chat, sandboxed)).status).toBe(200);
    }
    expect(trap.connections).toBe(0);
  });

  it.each([
    'file:///etc/passwd',
    'gopher://127.0.0.1:PORT/_x',
    'ftp://127.0.0.1:PORT/',
    'unix:///var/run/docker.sock',
    'javascript:alert(1)',
    '//127.0.0.1:PORT/',
    '\thttp://127.0.0.1:PORT/',
    '',
  ])('%j is refused', async (template) => {
    const url = template.replace('PORT', String(trap.port));
    for (const surface of SURFACES) {
      const response = await app.tollgate.post(surface.chat, withImage(url));
      await expectFailure(response, surface, surface.invalid, {
        param: expect.stringContaining('image_url.url'),
      });
    }
    expect(app.upstream.requests).toHaveLength(0);
    expect(trap.connections).toBe(0);
  });

  it('is not opened either where the gateway translates to another vendor’s protocol', async () => {
    const anthropic = await new FakeAnthropic().start();
    const tollgate = await Tollgate.start({
      env: { CLAUDE_KEY: ANTHROPIC_KEY },
      yaml: `
upstreams:
  claude: { protocol: anthropic, base_url: "${anthropic.baseUrl}", api_key: "\${CLAUDE_KEY}" }
models:
  - id: ${MODEL}
    pricing: { prompt: "0.000001", completion: "0.000001" }
    routes: [ { upstream: claude, model: claude-sonnet-4-5 } ]
`,
    });
    try {
      for (const scheme of ['http', 'https']) {
        const url = `${scheme}://127.0.0.1:${trap.port}/a.png`;
        expect((await tollgate.post(Q.chat, withImage(url))).status).toBe(200);
        expect(JSON.stringify(anthropic.last.body)).toContain(JSON.stringify(url));
      }
      expect(trap.connections).toBe(0);
    } finally {
      await tollgate.close();
      await anthropic.stop();
    }
  });
});

describe('what a client may not decide', () => {
  const app = useWireApp();

  it('S25: where a request goes and with which credential', async () => {
    const elsewhere = await FakeUpstream.start();
    const fields = {
      base_url: elsewhere.baseUrl,
      api_base: elsewhere.baseUrl,
      baseURL: elsewhere.baseUrl,
      api_key: 'sk-of-the-caller',
      organization: 'org-of-the-caller',
      extra_headers: { authorization: 'Bearer sk-of-the-caller' },
      headers: { 'x-a': 'of-the-caller' },
      extra_body: { model: 'of-the-caller' },
      custom_llm_provider: 'of-the-caller',
      proxy: elsewhere.baseUrl,
      upstream: 'of-the-caller',
      routes: [{ upstream: 'of-the-caller' }],
      mock_response: 'of-the-caller',
    };
    for (const { chat, completions } of SURFACES) {
      expect((await app.tollgate.post(chat, chatBody(fields))).status).toBe(200);
      const completion = completionBody({ ...fields, model: 'test/native' });
      expect((await app.tollgate.post(completions, completion)).status).toBe(200);
    }
    expect(app.upstream.requests).toHaveLength(6);
    for (const { rawBody, headers } of app.upstream.requests) {
      expect(rawBody + JSON.stringify(headers)).not.toMatch(/of-the-caller|127\.0\.0\.1:\d+\/v1/);
    }
    expect(elsewhere.requests).toHaveLength(0);
    await elsewhere.close();
  });

  it('S25: no header of a client reaches the upstream', async () => {
    const headers = {
      'x-api-key': app.tollgate.key,
      'openai-organization': 'of-the-caller',
      'openai-project': 'of-the-caller',
      'x-forwarded-for': '203.0.113.77',
      cookie: 'a=of-the-caller',
      'user-agent': 'of-the-caller',
      'x-custom': 'of-the-caller',
      'x-request-id': 'of-the-caller',
    };
    expect((await app.tollgate.post(W.chat, chatBody(), headers)).status).toBe(200);
    const sent = JSON.stringify((await app.upstream.nextRequest()).headers);
    expect(sent).not.toMatch(/of-the-caller|203\.0\.113\.77/);
    expect(sent).not.toContain(app.tollgate.key);
  });

  it('S35: fields of an account or a key mean nothing in a request', async () => {
    const { accountId, secret } = await app.tollgate.newKey({ requestsPerMinute: 2 });
    const balances = app.tollgate.app.get(BalanceRepository, { strict: false });
    const before = await balances.find(accountId);
    const fields = {
      credits: 1e9,
      balance: 1e9,
      role: 'admin',
      is_admin: true,
      key_hash: 'x',
      account_id: 'acct_x',
      rpm: 1e6,
      requests_per_minute: 1e6,
      pricing: { prompt: '0', completion: '0' },
      usage: { prompt_tokens: 0 },
    };
    const headers = { authorization: `Bearer ${secret}` };
    const statuses: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      statuses.push((await app.tollgate.post(W.chat, chatBody(fields), headers)).status);
    }
    expect(statuses).toEqual([200, 200, 429]);
    const { body } = await app.upstream.nextRequest();
    expect(Object.keys(body).toSorted()).toEqual(['messages', 'model']);
    const rows = (await app.tollgate.allUsage()).filter((row) => row.accountId === accountId);
    const charged = rows.reduce((sum, { creditHundredths }) => sum + creditHundredths, 0n);
    expect(charged).toBeGreaterThan(0n);
    expect((await balances.find(accountId))?.balanceHundredths).toBe(
      (before?.balanceHundredths ?? 0n) - charged,
    );
  });
});

describe('text that becomes more than text', () => {
  const app = useWireApp();

  it.each([
    ['model', `${MODEL}\r\nset-cookie: a=b`],
    ['model', `${MODEL}\u001b[31m`],
    ['model', `${MODEL}\u2028`],
    ['conversation_id', 'a\r\nset-cookie: a=b'],
    ['conversation_id', 'a\nb'],
    ['conversation_id', 'a\0'],
    ['conversation_id', 'a\u007f'],
    ['conversation_id', 'a\u0085'],
    ['conversation_id', '漢字'],
    ['conversation_id', 'x'.repeat(257)],
  ])('S26: %s %j is refused before it is said anywhere', async (field, value) => {
    for (const stream of [false, true]) {
      const response = await app.tollgate.post(W.chat, chatBody({ [field]: value, stream }));
      const { error } = await expectFailure(response, W, 400, { param: field });
      expect(response.headers.get('set-cookie')).toBeNull();
      expect(error.message).not.toMatch(/[\p{Cc}\u2028]/u);
    }
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(['user', 'safety_identifier', 'prompt_cache_key'])(
    'S26: %s comes into no header, so it may say anything',
    async (field) => {
      for (const stream of [false, true]) {
        const body = chatBody({ [field]: 'a\r\nset-cookie: a=b\u001b]0;x\u0007', stream });
        const response = await app.tollgate.post(W.chat, body);
        expect(response.status).toBe(200);
        expect(response.headers.get('set-cookie')).toBeNull();
        await response.text();
      }
      expect(app.upstream.requests).toHaveLength(2);
    },
  );

  it('S26: what a header can carry is carried', async () => {
    const response = await app.tollgate.post(W.chat, chatBody({ conversation_id: 'Größe: "1"; a=b' }));
    expect(response.status).toBe(200);
    expect(response.headers.get('x-conversation-id')).toBe('Größe: "1"; a=b');
  });

  it.each([
    ['\n\ndata: [DONE]\n\n'],
    ['\r\n\r\nevent: error\r\ndata: {"error":{}}\r\n\r\n'],
    ['a\rb\u2028c\u2029d\u0085e\0f'],
    ['"}]}\n\ndata: {"choices":[]}\n\n'],
  ])('S37, S38: %j stays inside of its string', async (text) => {
    for (const { chat } of SURFACES) {
      app.upstream.enqueue(sse(chatChunks([text])));
      for (const body of [
        chatBody({ stream: true }),
        chatBody({ stream: true, model: 'sandbox/echo', messages: [{ role: 'user', content: text }] }),
      ]) {
        const { chunks } = await readStream(await app.tollgate.post(chat, body));
        expect(chunks.map(({ choices }) => choices[0]?.delta?.['content'] ?? '').join('')).toBe(text);
      }
    }
  });

  it('S38: also in an answer that comes whole', async () => {
    const content = '\u2028\u2029\r\n\0"\\</script>';
    app.upstream.enqueue(json(chatAnswer({ content })));
    const response = await app.tollgate.post(Q.chat, chatBody());
    expect(await response.json()).toMatchObject({ choices: [{ message: { content } }] });
  });

  it.each(['{"api_key":"sk-secret-1234567890", x', '{"a":"sk-secret-1234567890', 'sk-secret-1234567890'])(
    'S30: a fault in %s is told without a word of it',
    async (body) => {
      for (const surface of SURFACES) {
        const response = await app.tollgate.post(surface.chat, body);
        const failed = await expectFailure(response, surface, surface.invalid);
        expect(JSON.stringify(failed)).not.toMatch(/secret|api_key/);
      }
    },
  );

  it.each(['^(a+)+$', '(x+x+)+y', '^(([a-z])+.)+[A-Z]([a-z])+$', '(', '[', '\\'])(
    'S49: the pattern %s in a schema is nobody’s to run',
    async (pattern) => {
      const content = `${'a'.repeat(60)}!`;
      const schema = {
        type: 'object',
        properties: { a: { type: 'string', pattern, default: content, examples: [content] } },
        required: ['a'],
      };
      for (const model of [MODEL, 'sandbox/chat', 'sandbox/echo']) {
        const response = await app.tollgate.post(
          Q.chat,
          chatBody({
            model,
            messages: [{ role: 'user', content }],
            response_format: { type: 'json_schema', json_schema: { name: 'a', schema, strict: true } },
            tools: [{ type: 'function', function: { name: 'f', parameters: schema, strict: true } }],
          }),
        );
        expect(response.status).toBe(200);
      }
      expect((await app.upstream.nextRequest()).rawBody).toContain(JSON.stringify(pattern));
    },
    5_000,
  );

  it('S49: nor is any text of a request slow to check', async () => {
    const slow = 'a'.repeat(200_000);
    const startedAtMs = threadCpuMs();
    for (const field of [
      { messages: [{ role: 'user', content: slow }], response_format: { type: 'json_object' } },
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `data:${slow}` } }] }] },
      { tools: [{ type: 'function', function: { name: slow } }] },
      { user: slow },
      { stop: slow },
    ]) {
      await (await app.tollgate.post(W.chat, chatBody(field))).text();
    }
    expect(threadCpuMs() - startedAtMs).toBeLessThan(4_000);
  });
});

describe('S29: our own credential', () => {
  const KEY = 'sk-proj-our-own-secret-0123456789';
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    const yaml = catalogueYaml(upstream.baseUrl).replace('main: { ', 'main: { api_key: "${MAIN_KEY}", ');
    tollgate = await Tollgate.start({ yaml, env: { MAIN_KEY: KEY } });
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  it.each([400, 401, 403, 404, 422, 429, 500, 503])(
    'is in no answer, whatever an upstream says with its %d',
    async (status) => {
      for (const surface of SURFACES) {
        upstream.enqueue(
          failure(status, `Incorrect API key provided: ${KEY}. See http://10.0.0.7/keys`, {
            headers: { 'x-upstream-key': KEY, 'www-authenticate': `Bearer ${KEY}` },
          }),
          raw(`<html>${KEY}</html>`, { status }),
        );
        for (const stream of [false, true]) {
          const response = await tollgate.post(surface.chat, chatBody({ stream }));
          expect(response.ok).toBe(false);
          // Ours to mend, so never 401: a client would look for the fault in its own key.
          expect(response.status).not.toBe(401);
          const text = (await response.text()) + JSON.stringify([...response.headers]);
          expect(text).not.toContain(KEY);
          expect(text).not.toContain('10.0.0.7');
        }
      }
      expect(upstream.requests.every(({ headers }) => headers.authorization === `Bearer ${KEY}`)).toBe(true);
      upstream.clear();
    },
  );
});

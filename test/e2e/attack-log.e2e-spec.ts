import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { failure, garbage, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { rawExchange, rawRequest } from '../support/wire-raw.js';
import { TollgateProcess } from '../support/tollgate-process.js';
import { catalogueYaml } from '../support/tollgate.js';
import { chatBody, SURFACES, W } from '../support/wire-surfaces.js';

const KEY = 'sk-tg-the-key-of-a-customer-0123456789abcdef';
const WRONG_KEY = 'sk-tg-a-key-that-is-no-key-0123456789abcdefg';
const ADMIN_KEY = 'admin-tg-the-key-of-the-operator-0123456789';
const UPSTREAM_KEY = 'sk-proj-our-own-key-for-the-vendor-01234567';
const SECRETS = [KEY, WRONG_KEY, ADMIN_KEY, UPSTREAM_KEY];
const PROMPT = 'the-private-words-of-a-customer';
const ANSWER = 'the-private-words-of-a-model';

interface LogLine {
  request_id?: string;
  path?: string;
  [field: string]: unknown;
}

describe('I8: what the log says of a day of attacks', () => {
  let upstream: FakeUpstream;
  let gateway: TollgateProcess;
  let origin: string;
  /** Everything printed, and the lines of it that are the log. */
  let output: string;
  let lines: LogLine[];
  const ids: Record<string, string> = {};

  const body = chatBody({ messages: [{ role: 'user', content: PROMPT }], user: PROMPT });

  async function send(name: string, path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(`${origin}${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
      ...init,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...init.headers },
    });
    ids[name] = response.headers.get('x-request-id') ?? '';
    await response.text();
    return response;
  }

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    gateway = await TollgateProcess.start({
      yaml: catalogueYaml(upstream.baseUrl).replace('main: { ', 'main: { api_key: "${MAIN_KEY}", '),
      env: { BOOTSTRAP_API_KEY: KEY, ADMIN_KEY, MAIN_KEY: UPSTREAM_KEY, LOG_LEVEL: 'trace' },
    });
    origin = await gateway.origin();
    const models = `${origin}${W.models}`;
    const known = async () => (await fetch(models, { headers: { authorization: `Bearer ${KEY}` } })).ok;
    await eventually(known, 'the first key');
    upstream.otherwise(json(chatAnswer({ content: ANSWER })));

    await send('good', W.chat);
    for (const { name, chat } of SURFACES) {
      const failures = [
        failure(400, `Bad words: ${PROMPT} ${UPSTREAM_KEY}`),
        failure(500, `${PROMPT} ${UPSTREAM_KEY}`),
        garbage(`${UPSTREAM_KEY} ${PROMPT}\r\n`),
        json({ error: PROMPT }),
        sse(chatChunks([ANSWER, ANSWER]), { ending: 'reset', done: false }),
        sse([...chatChunks([ANSWER]).slice(0, 2), { error: { message: PROMPT } }]),
      ];
      for (const [index, reply] of failures.entries()) {
        upstream.enqueue(reply, reply);
        await send(`${name} ${index}`, chat, { body: JSON.stringify({ ...body, stream: index > 3 }) });
        upstream.clear();
      }
      await send(`${name} malformed`, chat, { body: `{"messages":"${PROMPT}","key":"${KEY}` });
      await send(`${name} invalid`, chat, { body: JSON.stringify({ ...body, temperature: PROMPT }) });
      await send(`${name} no such model`, chat, { body: JSON.stringify({ ...body, model: PROMPT }) });
    }
    await send('wrong key', W.chat, { headers: { authorization: `Bearer ${WRONG_KEY}` } });
    await send('other scheme', W.chat, { headers: { authorization: `Basic ${WRONG_KEY}` } });
    await send('admin', '/metrics', {
      method: 'GET',
      body: null,
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    await send('key in query', `${W.chat}?api_key=${KEY}&prompt=${PROMPT}`);
    await send('key in path', `/v1/${KEY}/chat/completions`);
    await send('key as a model', `${W.models}/${KEY}`, { method: 'GET', body: null });
    await send('admin key in path', `/admin/v1/${ADMIN_KEY}`);
    await send('line break in path', `${W.models}/a%0d%0a{"level":60}%1b[31m`, { method: 'GET', body: null });
    await send('line break in model', W.chat, {
      body: JSON.stringify({ ...body, model: 'a\r\n{"level":60}\u001b[31m' }),
    });
    await send('undecodable', `${W.models}/%zz`, { method: 'GET', body: null });
    await send('long path', `/${'x'.repeat(8_000)}`);
    await send('own id', W.chat, { headers: { 'x-request-id': 'id-of-the-caller' } });
    const port = Number(new URL(origin).port);
    await rawExchange(port, `GET / HTTP/1.1\r\nx: ${KEY}\0\r\n\r\n`);
    await rawExchange(port, rawRequest('GET', '/\u00ff\u009b31m'));

    await eventually(() => gateway.output.includes(ids['own id'] ?? '-'), 'the last line');
    output = await gateway.stop();
    lines = output
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }, 40_000);
  afterAll(async () => {
    await gateway.discard();
    await upstream.close();
  });

  const lineOf = (name: string) => lines.find(({ request_id }) => request_id === ids[name]);

  it('S28, S29: no key of anybody', () => {
    for (const secret of SECRETS) expect(output).not.toContain(secret);
  });

  it('no word of a prompt or an answer', () => {
    expect(output).not.toContain(PROMPT);
    expect(output).not.toContain(ANSWER);
  });

  it('S48: no stack', () => {
    expect(output).not.toMatch(/^\s+at |\\n\s+at /m);
    expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('S27: one line of JSON a request, whatever was in it', () => {
    const logged = lines.filter(({ message }) => message === 'request');
    const seen = new Set(logged.map(({ request_id }) => request_id));
    for (const id of Object.values(ids).filter((each) => each.startsWith('req_'))) expect(seen).toContain(id);
    expect(seen.size).toBe(logged.length);
    // oxlint-disable-next-line no-control-regex -- they are what must not be there
    expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    for (const name of ['line break in path', 'line break in model']) {
      expect(lineOf(name)).toMatchObject({ level: 30 });
    }
  });

  it('who asked, for what, and how it ended', () => {
    expect(lineOf('good')).toMatchObject({
      method: 'POST',
      path: W.chat,
      status: 200,
      key_id: expect.stringMatching(/^key_/),
      duration_ms: expect.any(Number),
    });
    expect(lineOf('wrong key')).toMatchObject({ status: 401, failure: 'invalid_api_key' });
    expect(lineOf('wrong key')).not.toHaveProperty('key_id');
    expect(lineOf('key in query')).toMatchObject({ path: W.chat, status: 200 });
    expect(lineOf('key in path')).toMatchObject({ path: '/v1/sk-***/chat/completions', status: 404 });
    expect(lineOf('key as a model')).toMatchObject({ path: `${W.models}/sk-***` });
    expect(lineOf('admin key in path')).toMatchObject({ path: '/admin/v1/admin-***' });
    expect(lineOf('long path')?.path).toHaveLength(257);
    expect(lines).toContainEqual(
      expect.objectContaining({
        client_request_id: 'id-of-the-caller',
        request_id: expect.stringMatching(/^req_[0-9a-f]{32}$/),
      }),
    );
  });

  it('nothing that the operator chose is printed at the first boot', () => {
    expect(output).toContain('Tollgate listens on');
    expect(output).toContain('$BOOTSTRAP_API_KEY');
  });
});

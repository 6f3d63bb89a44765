import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { controlled } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient, type RawRequest } from '../support/raw-client.js';
import { catalogueYaml } from '../support/tollgate.js';
import { TollgateProcess } from '../support/tollgate-process.js';
import { chatBody, Q, SURFACES } from '../support/wire-surfaces.js';

const KEY = 'sk-tollgate-of-the-connections-test-0123';
const [, HELLO, , FINISH, USAGE] = chatChunks();
const KEPT = 64;
const AUTHORIZATION = { authorization: `Bearer ${KEY}` };

const asked = (stream: boolean): string =>
  httpRequest(Q.chat, { headers: AUTHORIZATION, body: chatBody({ stream }) });

/** Every way in which an answer is made while the process leaves. */
const ASKED: readonly { what: string; path: string; request: RawRequest; status: number }[] = [
  ...SURFACES.flatMap(({ name, chat }) =>
    [true, false].map((stream) => ({
      what: `${name} ${stream ? 'stream' : 'whole'}`,
      path: chat,
      request: { headers: AUTHORIZATION, body: chatBody({ stream }) },
      status: 503,
    })),
  ),
  { what: 'a list', path: '/v1/models', request: { method: 'GET', headers: AUTHORIZATION }, status: 200 },
  { what: 'no key', path: '/v1/models', request: { method: 'GET' }, status: 401 },
  {
    what: 'a fault',
    path: '/v1/chat/completions',
    request: { headers: AUTHORIZATION, body: '{' },
    status: 400,
  },
  { what: 'no such path', path: '/nowhere', request: { method: 'GET' }, status: 404 },
  { what: 'a preflight', path: '/v1/models', request: { method: 'OPTIONS' }, status: 200 },
  { what: 'life', path: '/health/live', request: { method: 'GET' }, status: 200 },
  { what: 'readiness', path: '/health/ready', request: { method: 'GET' }, status: 503 },
  { what: 'the document', path: '/openapi.json', request: { method: 'GET' }, status: 200 },
];

describe('P1: after SIGTERM, a kept connection', () => {
  let upstream: FakeUpstream;
  let gateway: TollgateProcess;
  let port: number;
  const open: RawClient[] = [];

  beforeEach(async () => {
    upstream = await FakeUpstream.start();
    gateway = await TollgateProcess.start({
      yaml: catalogueYaml(upstream.baseUrl),
      env: { BOOTSTRAP_API_KEY: KEY, ADMIN_KEY: 'admin-key-of-the-connections-test', LOG_LEVEL: 'warn' },
    });
    port = Number(new URL(await gateway.origin()).port);
    await eventually(
      async () => (await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: AUTHORIZATION })).ok,
      'a first boot that is over',
    );
  });
  afterEach(async () => {
    for (const client of open.splice(0)) client.close();
    await gateway.discard();
    await upstream.close();
  });

  async function ask(request: string): Promise<RawClient> {
    const client = await RawClient.ask(port, request);
    open.push(client);
    return client;
  }

  /** A stream that holds the process back until it is ended. */
  async function begin() {
    const live = controlled();
    upstream.enqueue(live.reply);
    const client = await ask(asked(true));
    await live.event(HELLO);
    await client.seen('"content":"Hello"');
    const finish = async (): Promise<void> => {
      await live.event(FINISH);
      await live.event(USAGE);
      await live.end();
      await client.seen('data: [DONE]\n\n');
    };
    return { client, finish };
  }

  const leaving = (): Promise<unknown> =>
    eventually(async () => (await fetch(`http://127.0.0.1:${port}/health/ready`)).status === 503);

  it('gets an answer to what it asks, which says that it is the last, and no reset', async () => {
    const stream = await begin();
    const kept = await Promise.all(
      Array.from({ length: KEPT }, () => ask(httpRequest('/health/live', { method: 'GET' }))),
    );
    for (const client of kept) await client.seen('"ok"');

    gateway.signal('SIGTERM');
    await leaving();
    const ends = await Promise.all(
      kept.map(async (client, i) => {
        const { what, path, request, status } = ASKED[i % ASKED.length] ?? { ...ASKED[0]! };
        const before = client.text.length;
        client.send(httpRequest(path, request));
        const end = await client.ended;
        const answer = client.text.slice(before);
        const got = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]);
        const close = /\r\nconnection: close\r\n/i.test(answer);
        return {
          expected: { what, status, close: true, end: 'fin' },
          got: { what, status: got, close, end },
        };
      }),
    );
    expect(ends.map(({ got }) => got)).toEqual(ends.map(({ expected }) => expected));

    await stream.finish();
    expect(await gateway.exitCode()).toBe(0);
    expect(await stream.client.ended).toBe('fin');
  });

  it('is not reset where its client asks again and again, and nothing else holds the process back', async () => {
    const once = httpRequest('/v1/models', { method: 'GET', headers: AUTHORIZATION });
    const clients = await Promise.all(Array.from({ length: KEPT }, () => ask(once)));
    const busy = clients.map(async (client) => {
      for (let answers = 1; client.open; answers += 1) {
        await client.seen('"object":"list"', answers);
        if (/\r\nconnection: close\r\n/i.test(client.text)) return { end: await client.ended, told: true };
        client.send(once);
      }
      return { end: await client.ended, told: false };
    });
    gateway.signal('SIGTERM');
    expect(await Promise.all(busy)).toEqual(Array.from({ length: KEPT }, () => ({ end: 'fin', told: true })));
    expect(await gateway.exitCode()).toBe(0);
  });

  it('with an answer under way ends after it, and says so where the head was not sent yet', async () => {
    const whole = controlled();
    upstream.enqueue(whole.reply);
    const late = await ask(asked(true));
    await eventually(() => upstream.requests.length === 1);
    const arriving = await ask(asked(false).slice(0, -10));
    gateway.signal('SIGTERM');
    await leaving();
    await whole.event(HELLO);
    await whole.event(FINISH);
    await whole.event(USAGE);
    await whole.end();
    await late.seen('data: [DONE]\n\n');
    expect(late.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(await late.ended).toBe('fin');
    arriving.send(asked(false).slice(-10));
    await arriving.seen('"overloaded"');
    expect(arriving.text).toMatch(/\r\nconnection: close\r\n/i);
    expect(await arriving.ended).toBe('fin');
    expect(await gateway.exitCode()).toBe(0);
  });

  it('on which requests are pipelined answers them all, and closes with the last', async () => {
    const stream = await begin();
    stream.client.send(asked(false) + asked(true) + httpRequest('/health/live', { method: 'GET' }));
    gateway.signal('SIGTERM');
    await leaving();
    await stream.finish();
    expect(await stream.client.ended).toBe('fin');
    const heads = stream.client.text.match(/HTTP\/1\.1 \d+ [\s\S]*?\r\n\r\n/g) ?? [];
    expect(heads.map((head) => head.slice(9, 12))).toEqual(['200', '503', '503', '200']);
    expect(heads.map((head) => /\r\nconnection: close\r\n/i.test(head))).toEqual([false, false, false, true]);
    expect(await gateway.exitCode()).toBe(0);
  });

  it('that is idle is closed without a reset, and holds nobody back', async () => {
    const kept = await Promise.all(
      Array.from({ length: KEPT }, () => ask(httpRequest('/health/live', { method: 'GET' }))),
    );
    for (const client of kept) await client.seen('"ok"');
    gateway.signal('SIGTERM');
    expect(await gateway.exitCode()).toBe(0);
    expect(await Promise.all(kept.map((client) => client.ended))).toEqual(kept.map(() => 'fin'));
  });
});

import type { Server } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { billsOfClient, expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import { controlled, endless, json, sse, stall } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp, type WireApp } from '../support/wire-app.js';
import { chatBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const [, HELLO, , FINISH, USAGE] = chatChunks();
const HEALTH = httpRequest('/health/live', { method: 'GET', headers: { connection: 'close' } });

const open: RawClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

async function send(app: WireApp, ...requests: string[]): Promise<RawClient> {
  const client = await RawClient.ask(app.tollgate.port, requests.join(''));
  open.push(client);
  return client;
}

function request(app: WireApp, surface: WireSurface, id: string, stream = true): string {
  const headers = { authorization: `Bearer ${app.tollgate.key}`, 'x-request-id': id };
  return httpRequest(surface.chat, { headers, body: chatBody({ stream }) });
}

function connections({ tollgate }: WireApp): Promise<number> {
  const server = tollgate.app.getHttpServer() as Server;
  return new Promise((resolve, reject) =>
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
  );
}

describe('requests on one connection, one behind the other', () => {
  const app = useWireApp();

  it('K10: are answered in their order, each with its own id and its own words', async () => {
    const words = ['first', 'second', 'third'];
    app.upstream.enqueue(
      sse(chatChunks(['first']), { delayMs: 40 }),
      json(chatAnswer({ content: 'second' })),
      sse(chatChunks(['third'])),
    );
    const client = await send(
      app,
      request(app, W, 'pipe-1', true),
      request(app, Q, 'pipe-2', false),
      request(app, L, 'pipe-3', true),
      HEALTH,
    );
    expect(await client.ended).toBe('fin');
    const answers = client.text.split('HTTP/1.1 ').slice(1);
    expect(answers.map((answer) => answer.slice(0, 3))).toEqual(['200', '200', '200', '200']);
    for (const [n, word] of words.entries()) {
      expect(answers[n]).toContain(`x-request-id: pipe-${n + 1}\r\n`);
      expect(answers[n]).toContain(`"content":"${word}"`);
      for (const other of words.filter((one) => one !== word)) expect(answers[n]).not.toContain(other);
      expect(await billsOfClient(app, `pipe-${n + 1}`)).toMatchObject([{ outcome: 'completed' }]);
    }
    expect(answers[3]).toContain('{"status":"ok"}');
    await expectNothingOpen(app);
  });

  it('K10: cost nothing before their turn', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const client = await send(app, request(app, W, 'turn-1'), request(app, W, 'turn-2'));
    await live.event(HELLO);
    await client.seen('Hello');
    await (await app.tollgate.post(W.chat, chatBody({ model: 'sandbox/echo' }))).text();
    expect(app.upstream.requests).toHaveLength(1);
    await live.event(FINISH);
    await live.event(USAGE);
    await live.end();
    await client.seen('data: [DONE]', 2);
    expect(app.upstream.requests).toHaveLength(2);
  });

  it('K10, K2: are forgotten with their connection', async () => {
    app.upstream.otherwise(endless(HELLO, 5));
    const client = await send(app, ...[1, 2, 3].map((n) => request(app, W, `lost-${n}`)));
    await client.seen('Hello', 3);
    client.reset();
    await expectNothingOpen(app);
    expect(app.upstream.requests.map(({ aborted }) => aborted)).toEqual([true]);
    expect(await billsOfClient(app, 'lost-1')).toMatchObject([{ outcome: 'client_left' }]);
    expect(await billsOfClient(app, 'lost-2')).toEqual([]);
  });

  it('K10: are answered after one that broke off', async () => {
    app.upstream.enqueue(sse([HELLO], { done: false, ending: 'reset' }), json(chatAnswer()));
    const client = await send(app, request(app, W, 'broken'), request(app, W, 'whole', false), HEALTH);
    expect(await client.ended).toBe('fin');
    expect(client.text).toMatch(/"code":"upstream_error"[^]*\r\n0\r\n\r\nHTTP\/1\.1 200 OK[^]*Hello there!/);
  });

  it.each([
    'GARBAGE\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01',
    'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n',
  ])('S20, S21: %j behind a stream ends that stream, and puts nothing into it', async (garbage) => {
    app.upstream.enqueue(endless(HELLO, 5));
    const client = await send(app, request(app, W, 'dirty'));
    await client.seen('Hello', 3);
    client.send(garbage);
    await client.ended;
    expect(client.text.split('HTTP/1.1 ')).toHaveLength(2);
    expect(client.text).not.toContain('not valid HTTP');
    await expectNothingOpen(app);
  });
});

describe('a request that does not arrive', () => {
  const app = useWireApp();

  // The limits are 15 s for the head and 120 s for all of it; the server looks every 5 s.
  beforeAll(() => {
    const server = app.tollgate.app.getHttpServer() as Server;
    server.headersTimeout = 300;
    server.requestTimeout = 300;
  });

  it('K7, S22: is answered 408 and its connection closed; nobody upstream hears of it', async () => {
    await (await app.tollgate.get('/health/live')).text();
    const idle = await connections(app);
    const whole = request(app, W, 'stalled');
    const stalled = [
      await send(app, 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n'),
      await send(app, whole.slice(0, whole.indexOf('\r\n\r\n') + 4)),
      await send(app, whole.slice(0, -5)),
    ];
    const trickling = await send(app, whole.slice(0, -30));
    const trickle = setInterval(() => trickling.send(' '), 200).unref();

    for (const client of [...stalled, trickling]) {
      expect(await client.ended).toBe('fin');
      expect(client.text).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/);
      const body = JSON.parse(client.text.slice(client.text.indexOf('\r\n\r\n') + 4)) as unknown;
      expect(body).toMatchObject({ error: { type: 'invalid_request_error', code: 'request_timeout' } });
    }
    clearInterval(trickle);
    // Nobody closed on the clients' side: the server must not wait for them.
    await eventually(async () => (await connections(app)) <= idle, 'an end of the connections');
    expect(app.upstream.requests).toHaveLength(0);
    expect(await billsOfClient(app, 'stalled')).toEqual([]);
    await expectNothingOpen(app);
  });

  it('K7: does not concern a request that has arrived: its answer may take as long as it takes', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const client = await send(app, request(app, Q, 'long'));
    await live.event(HELLO);
    await client.seen('Hello');
    // At least one look of the server, and one connection that it finds to be overdue.
    const stalled = await send(app, 'GET /');
    expect(await stalled.ended).toBe('fin');
    await live.event(FINISH);
    await live.end();
    await client.seen('data: [DONE]');
    expect(client.open).toBe(true);
  });
});

describe.each(SURFACES)('a connection that $name has answered on', (surface) => {
  const app = useWireApp();

  it('serves the next request, after an answer, a stream and a failure', async () => {
    app.upstream.enqueue(sse(chatChunks()), json(chatAnswer()), json({}), sse(chatChunks()));
    const client = await send(app, request(app, surface, 'a'));
    await client.seen('data: [DONE]');
    client.send(request(app, surface, 'b', false));
    await client.seen('"finish_reason":"stop"', 2);
    client.send(request(app, surface, 'c', false));
    await client.seen('cannot be understood');
    client.send(request(app, surface, 'd'));
    await client.seen('data: [DONE]', 2);
    expect(client.open).toBe(true);
    await expectNothingOpen(app);
  });

  it('I9: leaves no answer waiting when it ends between requests', async () => {
    app.upstream.enqueue(stall());
    const client = await send(app, request(app, surface, 'gone'));
    await app.upstream.nextRequest();
    client.close();
    await expectNothingOpen(app);
  });
});

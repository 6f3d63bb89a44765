import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { billsOfClient, expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import { controlled, delayed, endless, json, sse, stall } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { ADMIN_KEY } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { chatBody, completionBody, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const [ROLE, HELLO, THERE] = chatChunks();

/** What a client's process may do to its connection; the first is what most do. */
const EXITS = [
  { exit: 'close', how: 'a FIN' },
  { exit: 'reset', how: 'an RST' },
] as const;

const open: RawClient[] = [];
let asked = 0;

afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

describe('a client that leaves', () => {
  const app = useWireApp();

  // Our own token counter is loaded at its first use, which holds up the first client that needs it.
  beforeAll(async () => {
    app.upstream.enqueue(json(chatAnswer({ usage: null })));
    await (await app.tollgate.post(W.chat, chatBody())).text();
    app.upstream.clear();
  });

  /** The id is the client's own, to find its row by. */
  function request(surface: WireSurface, stream: boolean, id: string, path = surface.chat): string {
    const headers = { authorization: `Bearer ${app.tollgate.key}`, 'x-request-id': id };
    const body = path === surface.completions ? completionBody({ stream }) : chatBody({ stream });
    return httpRequest(path, { headers, body });
  }

  async function ask(surface: WireSurface, stream: boolean, path?: string) {
    const id = `leaver-${(asked += 1)}`;
    const client = await RawClient.ask(app.tollgate.port, request(surface, stream, id, path));
    open.push(client);
    return { client, id, upstreamRequest: await app.upstream.nextRequest() };
  }

  const cases = SURFACES.flatMap((surface) =>
    EXITS.flatMap((exit) =>
      (['chat', 'completions'] as const).flatMap((endpoint) =>
        [false, true].map((stream) => ({
          ...exit,
          surface,
          endpoint,
          stream,
          name: `${surface.name} ${endpoint}, ${stream ? 'streamed' : 'whole'}`,
        })),
      ),
    ),
  );

  it.each(cases)(
    'K1: before the head, by $how, is heard of upstream within 1 s and pays nothing ($name)',
    async (one) => {
      app.upstream.enqueue(stall());
      const { client, id, upstreamRequest } = await ask(one.surface, one.stream, one.surface[one.endpoint]);
      const leftAtMs = performance.now();
      client[one.exit]();
      expect(await upstreamRequest.closed).toBe('aborted');
      expect(performance.now() - leftAtMs).toBeLessThan(1_000);
      await expectNothingOpen(app);
      expect(await billsOfClient(app, id)).toMatchObject([
        { outcome: 'client_left', completionTokens: 0, creditHundredths: 0n },
      ]);
    },
  );

  it('K1: before the first token of a stream that has begun upstream pays nothing', async () => {
    const live = controlled();
    app.upstream.enqueue(live.reply);
    const { client, id, upstreamRequest } = await ask(W, true);
    await live.event(ROLE);
    client.close();
    expect(await upstreamRequest.closed).toBe('aborted');
    await expectNothingOpen(app);
    expect(await billsOfClient(app, id)).toMatchObject([{ outcome: 'client_left', creditHundredths: 0n }]);
  });

  it('K1: while its body is on the way leaves nothing, and nothing reaches the upstream', async () => {
    await (await app.tollgate.get('/health/live')).text();
    const idle = await connections();
    const client = await RawClient.ask(app.tollgate.port, request(W, true, 'half').slice(0, -10));
    open.push(client);
    // Another request and back: the half one is in the body reader by now.
    await (await app.tollgate.get('/health/live')).text();
    client.reset();
    await eventually(async () => (await connections()) <= idle, 'an end of the connection');
    expect(await billsOfClient(app, 'half')).toEqual([]);
    expect(app.upstream.requests).toHaveLength(0);
  });

  const midStream = cases.filter(({ stream }) => stream);

  it.each(midStream)(
    'case 51, K2: in mid-stream, by $how, is heard of upstream within 1 s and pays its part ($name)',
    async (one) => {
      const live = controlled();
      app.upstream.enqueue(live.reply);
      const { client, id, upstreamRequest } = await ask(one.surface, true, one.surface[one.endpoint]);
      await live.event(HELLO);
      await live.event(THERE);
      await client.seen(' there!');
      // The upstream says nothing more: nobody writes to the client who would notice.
      const leftAtMs = performance.now();
      client[one.exit]();
      expect(await upstreamRequest.closed).toBe('aborted');
      expect(performance.now() - leftAtMs).toBeLessThan(1_000);
      await expectNothingOpen(app);
      expect(await billsOfClient(app, id)).toMatchObject([
        { outcome: 'client_left', completionTokens: 3, usageSource: 'counted', creditHundredths: 1n },
      ]);
    },
  );

  it.each(EXITS)(
    'S47: from a busy stream, by $how, pays at least for all that it was given',
    async ({ exit }) => {
      app.upstream.enqueue(endless(HELLO));
      const { client, id } = await ask(W, true);
      await client.seen('"content":"Hello"', 300);
      client[exit]();
      const received = client.text.split('"content":"Hello"').length - 1;
      await expectNothingOpen(app);
      const bills = await billsOfClient(app, id);
      expect(bills).toMatchObject([{ outcome: 'client_left' }]);
      expect(bills[0]?.completionTokens).toBeGreaterThanOrEqual(received);
    },
  );

  it.each(EXITS)(
    'C10, case 52: right after [DONE], by $how, has its answer: 200, billed whole, once',
    async ({ exit }) => {
      const before = [await answered(200), await answered(499)];
      const { client, id } = await ask(W, true);
      await client.seen('data: [DONE]\n\n');
      client[exit]();
      await expectNothingOpen(app);
      expect(await billsOfClient(app, id)).toMatchObject([{ outcome: 'completed', completionTokens: 3 }]);
      await eventually(async () => (await answered(200)) === before[0]! + 1, 'the request in the figures');
      expect(await answered(499)).toBe(before[1]);
    },
  );

  it.each(SURFACES)('K3: with its sending half only is answered all the same ($name)', async (surface) => {
    app.upstream.enqueue(delayed(300, sse(chatChunks(), { delayMs: 30 })), delayed(300, json(chatAnswer())));
    for (const stream of [true, false]) {
      const { client, id } = await ask(surface, stream);
      client.halfClose();
      expect(await client.ended).toBe('fin');
      // Interim answers (RFC 9110 §15.2) are for every client to read over.
      const final = client.text.replace(/^(?:HTTP\/1\.1 102 Processing\r\n\r\n)+/, '');
      expect(final).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(final).toContain(stream ? 'data: [DONE]\n\n' : '"content":"Hello there!"');
      expect(await billsOfClient(app, id)).toMatchObject([{ outcome: 'completed' }]);
    }
    await expectNothingOpen(app);
  });

  it('K1, K3: speaking HTTP/1.0, by a FIN before the head, has left', async () => {
    app.upstream.enqueue(stall());
    const client = await RawClient.ask(
      app.tollgate.port,
      request(W, true, 'old').replace('HTTP/1.1', 'HTTP/1.0'),
    );
    open.push(client);
    const upstreamRequest = await app.upstream.nextRequest();
    client.close();
    expect(await upstreamRequest.closed).toBe('aborted');
    await expectNothingOpen(app);
  });

  it('K6: with 299 others at once, whole or streamed, leaves nothing behind', async () => {
    // Seldom enough that a busy machine keeps up with all of them.
    app.upstream.otherwise((response, { body }) =>
      body['stream'] === true ? endless(HELLO, 500)(response, {} as never) : undefined,
    );
    const before = (await app.tollgate.allUsage()).length;
    const idle = await connections();
    const clients = await Promise.all(
      Array.from({ length: 300 }, (_, n) =>
        RawClient.ask(app.tollgate.port, request(SURFACES[n % 3]!, n % 4 > 0, `crowd-${n}`)),
      ),
    );
    open.push(...clients);
    await Promise.all(clients.filter((_, n) => n % 4 > 0).map((client) => client.seen('Hello')));
    await eventually(() => app.upstream.requests.length === 300, 'all requests upstream');
    const leftAtMs = performance.now();
    for (const [n, client] of clients.entries()) client[n % 2 === 0 ? 'close' : 'reset']();
    await expectNothingOpen(app);
    // "0 open holds after 5 s"
    expect(performance.now() - leftAtMs).toBeLessThan(5_000);
    expect(app.upstream.requests.filter(({ aborted }) => aborted)).toHaveLength(300);

    const rows = (await app.tollgate.allUsage()).slice(before);
    expect(rows).toHaveLength(300);
    expect(new Set(rows.map(({ clientRequestId }) => clientRequestId)).size).toBe(300);
    for (const row of rows) {
      expect(row.outcome).toBe('client_left');
      expect(row.creditHundredths > 0n).toBe(row.streamed);
    }
    await eventually(async () => (await connections()) <= idle, 'an end of all connections');
    expect((await app.tollgate.post(W.chat, chatBody({ model: 'sandbox/echo' }))).status).toBe(200);
  });

  function connections(): Promise<number> {
    const server = app.tollgate.app.getHttpServer() as import('node:http').Server;
    return new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }

  /** How many requests of surface W were logged with this status. */
  async function answered(status: number): Promise<number> {
    const metrics = await app.tollgate.get('/metrics', { authorization: `Bearer ${ADMIN_KEY}` });
    const line = new RegExp(
      `^tollgate_requests_total\\{surface="waterflai",method="POST",status="${status}"\\} (\\d+)$`,
      'm',
    );
    return Number(line.exec(await metrics.text())?.[1] ?? 0);
  }
});

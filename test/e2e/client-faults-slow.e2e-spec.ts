import type { Server, ServerResponse } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { billOf, billsOfClient, expectNothingOpen } from '../support/aftermath.js';
import { eventually } from '../support/eventually.js';
import { endless, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { HUGE_MODEL, HUGE_MODEL_YAML, HUGE_TPM, PAGE, PAGE_CHUNK } from '../support/huge-model.js';
import { chunkedBody, httpRequest, RawClient } from '../support/raw-client.js';
import { useWireApp, type WireApp } from '../support/wire-app.js';
import { chatBody, Q, W } from '../support/wire-surfaces.js';

/**
 * What the kernel may hold between upstream and gateway and between gateway and client, some 8 MB on loopback, and far
 * more than that: for ever is longer.
 */
const MOST_SENT_BYTES = 64 * 1024 * 1024;
/** What the gateway may hold of one stream: a full socket's high-water mark and what two reads of the upstream become. */
const MOST_BUFFERED_BYTES = 512 * 1024;

const open: RawClient[] = [];
let asked = 0;
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

/** Asks, and takes no byte until told to. */
async function askWithoutReading(app: WireApp, stream = true): Promise<{ client: RawClient; id: string }> {
  const id = `slow-${(asked += 1)}`;
  const headers = { authorization: `Bearer ${app.tollgate.key}`, 'x-request-id': id };
  const client = await RawClient.connect(app.tollgate.port);
  open.push(client);
  client.stopReading();
  client.send(httpRequest(W.chat, { headers, body: chatBody({ model: HUGE_MODEL, stream }) }));
  return { client, id };
}

/** Resolves when the upstream could not get rid of a byte for a while: everything in between is full. */
async function upstreamHeldBack({ upstream }: WireApp, streams = 1): Promise<number> {
  let sent = 0;
  let since = performance.now();
  await eventually(
    () => {
      const now = upstream.requests.reduce((sum, { response }) => sum + response.bytesSent, 0);
      if (now !== sent) since = performance.now();
      sent = now;
      return upstream.requests.length === streams && sent > 0 && performance.now() - since > 300;
    },
    'a pause of the upstream',
    30_000,
  );
  return sent;
}

describe('a client that does not read', () => {
  const app = useWireApp({ models: HUGE_MODEL_YAML, env: HUGE_TPM });

  it('K4: holds its upstream back, and nobody else', async () => {
    app.upstream.enqueue(endless(PAGE_CHUNK));
    await askWithoutReading(app);
    expect(await upstreamHeldBack(app)).toBeLessThan(MOST_SENT_BYTES);
    const other = await app.tollgate.post(Q.chat, chatBody());
    expect(other.status).toBe(200);
    expect(app.tollgate.openRequests).toBe(1);
  });

  it('K4: that reads again later gets the whole answer, in order', async () => {
    const pages = Array.from({ length: 1_000 }, (_, n) => `${n}:${PAGE}`);
    app.upstream.enqueue(sse(chatChunks(pages)));
    const { client, id } = await askWithoutReading(app);
    await upstreamHeldBack(app);
    client.readOn();
    expect(await receivedPages(client)).toEqual(pages.map((_, n) => n));
    await expectNothingOpen(app);
    expect(await billsOfClient(app, id)).toMatchObject([{ outcome: 'completed' }]);
  });

  it('K5: and then resets while a write is pending leaves nothing, and pays for what was sent', async () => {
    app.upstream.enqueue(endless(PAGE_CHUNK));
    const { client, id } = await askWithoutReading(app);
    await upstreamHeldBack(app);
    const leftAtMs = performance.now();
    client.reset();
    expect(await app.upstream.requests[0]?.closed).toBe('aborted');
    expect(performance.now() - leftAtMs).toBeLessThan(1_000);
    await expectNothingOpen(app);
    const bills = await billsOfClient(app, id);
    expect(bills).toMatchObject([{ outcome: 'client_left' }]);
    expect(bills[0]?.completionTokens).toBeGreaterThan(1_000);
  });

  it('K4, K5: that loses its connection together with 39 others costs the gateway no memory meanwhile', async () => {
    const responses: ServerResponse[] = [];
    const watch = (_: unknown, response: ServerResponse) => responses.push(response);
    const server = app.tollgate.app.getHttpServer() as Server;
    server.on('request', watch);
    app.upstream.otherwise(endless(PAGE_CHUNK));
    const clients = await Promise.all(Array.from({ length: 40 }, () => askWithoutReading(app)));
    const sent = await upstreamHeldBack(app, 40);
    server.off('request', watch);

    expect(sent / 40).toBeLessThan(MOST_SENT_BYTES);
    expect(responses).toHaveLength(40);
    for (const response of responses) expect(response.writableLength).toBeLessThan(MOST_BUFFERED_BYTES);
    for (const { client } of clients) client.reset();
    await expectNothingOpen(app);
    expect(app.upstream.requests.every(({ aborted }) => aborted)).toBe(true);
  }, 40_000);
});

describe('a client that reads too slowly', () => {
  const app = useWireApp({ models: HUGE_MODEL_YAML, env: { ...HUGE_TPM, WRITE_STALL_MS: '500' } });

  // Our own token counter is loaded at its first use.
  beforeAll(async () => {
    app.upstream.enqueue(json(chatAnswer({ usage: null })));
    await (await app.tollgate.post(W.chat, chatBody())).text();
    app.upstream.clear();
  });

  it('K4: 1 KB a second is given up after WRITE_STALL_MS, and pays for what was sent', async () => {
    app.upstream.enqueue(endless(PAGE_CHUNK));
    const { client, id } = await askWithoutReading(app);
    const reading = client.readSlowly(100, 100);
    await eventually(() => app.upstream.requests.length === 1, 'the request upstream');
    expect(await app.upstream.requests[0]?.closed).toBe('aborted');
    await expectNothingOpen(app);
    expect(await billsOfClient(app, id)).toMatchObject([
      { outcome: 'client_left', usageSource: 'estimated' },
    ]);
    client.close();
    await reading;
  });

  it('K4: a reader that keeps up with the stream is never given up, however long it takes', async () => {
    app.upstream.enqueue(sse(chatChunks(undefined), { delayMs: 300 }));
    const response = await app.tollgate.post(Q.chat, chatBody({ stream: true }));
    expect(await response.text()).toContain('data: [DONE]\n\n');
    expect(await billOf(app, response)).toMatchObject({ outcome: 'completed' });
  });

  it('K4: a whole answer that nobody reads is given up as well, although it is paid', async () => {
    app.upstream.enqueue(json(chatAnswer({ content: PAGE.repeat(1_000) })));
    const { id } = await askWithoutReading(app, false);
    await eventually(async () => (await billsOfClient(app, id)).length === 1, 'a bill', 10_000);
    expect(await billsOfClient(app, id)).toMatchObject([{ outcome: 'completed' }]);
    await eventually(async () => (await connections()) <= 1, 'an end of the connection');
  });

  /** The client of the harness keeps one. */
  function connections(): Promise<number> {
    const server = app.tollgate.app.getHttpServer() as Server;
    return new Promise((resolve, reject) =>
      server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    );
  }
});

/** The numbers of the pages that came, in their order; every page must be whole. */
async function receivedPages(client: RawClient): Promise<number[]> {
  await eventually(() => client.bytesReceived > 15_000_000, 'the answer', 15_000);
  await client.seen('data: [DONE]\n\n');
  const events = chunkedBody(client.bytes).split('\n\n');
  const contents = events.flatMap((event) =>
    event.startsWith('data: {')
      ? (JSON.parse(event.slice('data: '.length)) as { choices: { delta: { content?: string } }[] }).choices
      : [],
  );
  return contents.flatMap(({ delta: { content = '' } }) => {
    const [number, page] = content.split(':');
    return page === PAGE ? [Number(number)] : [];
  });
}

import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { concat, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import { OwnTimers } from '../../test/support/own-timers.js';
import { RawClient, chunkedBody, httpRequest } from '../../test/support/raw-client.js';
import { FlowGate } from './flow-gate.js';
import { HEARTBEAT, writeSse, type SseOutcome, type SseWriterOptions } from './sse-writer.js';

const MEGABYTE = `data: ${'x'.repeat(1024 * 1024)}\n\n`;

let server: Server;
let port: number;
const clients: RawClient[] = [];

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** A client's request, and the response that waits for it. */
async function exchange(): Promise<{ client: RawClient; response: ServerResponse }> {
  const arrived = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const client = await RawClient.ask(port, httpRequest('/', { method: 'GET' }));
  clients.push(client);
  const [, response] = await arrived;
  return { client, response };
}

function options(over: Partial<SseWriterOptions> = {}): SseWriterOptions {
  return {
    heartbeatMs: 60_000,
    writeStallMs: 60_000,
    headersHoldMs: 60_000,
    flow: new FlowGate(),
    beforeHeaders: () => undefined,
    renderFailure: (error) => `data: failed: ${(error as Error).message}\n\n`,
    ...over,
  };
}

describe('writeSse', () => {
  it('answers with the frames, in order, and the headers of an event stream', async () => {
    server.once('request', (_request, response: ServerResponse) => {
      void writeSse(
        response,
        of('data: 1\n\n', '', 'data: 2\n\n'),
        options({ beforeHeaders: () => response.setHeader('x-first', 'yes') }),
      );
    });
    const [answer] = (await once(request({ port }).end(), 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-first': 'yes',
    });
    expect(await text(answer)).toBe('data: 1\n\ndata: 2\n\n');
  });

  it('puts all frames of one turn into one write', async () => {
    const { client, response } = await exchange();
    const source = new Subject<string>();
    const outcome = writeSse(response, source, options());
    for (const n of [1, 2, 3]) source.next(`data: ${n}\n\n`);
    await client.seen('data: 3\n\n');
    source.next('data: 4\n\n');
    source.complete();
    expect(await outcome).toBe('complete');
    await client.seen('\r\n0\r\n\r\n');
    // 1b: 27 bytes, three frames of nine.
    expect(client.text).toContain(
      '\r\n\r\n1b\r\ndata: 1\n\ndata: 2\n\ndata: 3\n\n\r\n9\r\ndata: 4\n\n\r\n0\r\n\r\n',
    );
  });

  it('rejects, with nothing sent, where the source fails before its first frame', async () => {
    const { client, response } = await exchange();
    const source = concat(
      of(''),
      throwError(() => new Error('no')),
    );
    let headers = 0;
    const writing = writeSse(response, source, options({ beforeHeaders: () => (headers += 1) }));
    await expect(writing).rejects.toThrow('no');
    expect(headers).toBe(0);
    expect(response.headersSent).toBe(false);
    response.writeHead(502).end();
    await client.seen('HTTP/1.1 502');
  });

  it.each([
    ['in the turn of the first frame', false],
    ['later', true],
  ])('tells of a failure in the stream once there is a frame (%s)', async (_when, later) => {
    const { client, response } = await exchange();
    const source = new Subject<string>();
    const outcome = writeSse(response, source, options());
    source.next('data: 1\n\n');
    if (later) await client.seen('data: 1');
    source.error(new Error('broken'));
    source.next('data: never\n\n');
    expect(await outcome).toBe('failed');
    await client.seen('\r\n0\r\n\r\n');
    expect(chunkedBody(client.bytes)).toBe('data: 1\n\ndata: failed: broken\n\n');
  });

  it('K2: unsubscribes the source when the client leaves', async () => {
    const { client, response } = await exchange();
    let unsubscribed = false;
    const source = new Observable<string>((subscriber) => {
      subscriber.next('data: 1\n\n');
      return () => (unsubscribed = true);
    });
    const outcome = writeSse(response, source, options());
    await client.seen('data: 1');
    client.reset();
    expect(await outcome).toBe('client_left');
    expect(unsubscribed).toBe(true);
  });

  it('K1: does not subscribe for a client that has left already', async () => {
    const { client, response } = await exchange();
    client.reset();
    await once(response, 'close');
    const source = new Observable<string>(() => {
      throw new Error('subscribed');
    });
    expect(await writeSse(response, source, options())).toBe('client_left');
  });

  it('unsubscribes a source that goes on after it was ended while subscribing', async () => {
    const { response } = await exchange();
    let unsubscribed = false;
    const source = new Observable<string>((subscriber) => {
      response.destroy();
      response.emit('close');
      subscriber.next('data: late\n\n');
      return () => (unsubscribed = true);
    });
    expect(await writeSse(response, source, options())).toBe('client_left');
    expect(unsubscribed).toBe(true);
  });

  it('case 47: fills silence with comments, but not before the head', async () => {
    const { client, response } = await exchange();
    const source = new Subject<string>();
    void writeSse(response, source, options({ heartbeatMs: 20 }));
    setTimeout(() => source.next('data: 1\n\n'), 100);
    await client.seen(HEARTBEAT, 2);
    expect(chunkedBody(client.bytes)).toMatch(/^data: 1\n\n: keep-alive\n\n: keep-alive\n\n/);
    source.complete();
    await client.seen('\r\n0\r\n\r\n');
  });

  it('sends the head when the hold has passed, and tells of failures in the stream from then on', async () => {
    const { client, response } = await exchange();
    const source = new Subject<string>();
    const outcome = writeSse(response, source, options({ headersHoldMs: 20 }));
    await client.seen(HEARTBEAT);
    source.error(new Error('late'));
    expect(await outcome).toBe('failed');
    await client.seen('data: failed: late');
  });

  it('K4: closes the gate while the client takes nothing, and opens it when it does', async () => {
    const { client, response } = await exchange();
    const flow = new FlowGate();
    const source = new Subject<string>();
    const outcome = writeSse(response, source, options({ flow }));
    client.stopReading();
    let written = 0;
    while (!flow.closed) {
      source.next(MEGABYTE);
      written += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const passed = flow.passage();
    client.readOn();
    await passed;
    source.complete();
    expect(await outcome).toBe('complete');
    await client.seen('\r\n0\r\n\r\n');
    expect(chunkedBody(client.bytes)).toHaveLength(written * MEGABYTE.length);
  });

  it('K4: cuts off a client that takes nothing for too long', async () => {
    const { client, response } = await exchange();
    const flow = new FlowGate();
    const source = new Subject<string>();
    const outcome = writeSse(response, source, options({ flow, writeStallMs: 50 }));
    client.stopReading();
    while (!flow.closed) {
      source.next(MEGABYTE);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await outcome).toBe('client_left');
    expect(source.observed).toBe(false);
    // Who waits at the gate must get to see that.
    expect(flow.closed).toBe(false);
  });

  it('K4: lets the last bytes wait no longer than any others', async () => {
    const { client, response } = await exchange();
    client.stopReading();
    const outcome = await writeSse(response, of(MEGABYTE.repeat(32)), options({ writeStallMs: 50 }));
    expect(outcome).toBe('complete' satisfies SseOutcome);
    await once(response, 'close');
    expect(response.writableFinished).toBe(false);
  });

  it('K5: settles when the connection breaks while a write is pending', async () => {
    const { client, response } = await exchange();
    const flow = new FlowGate();
    const outcome = writeSse(response, concat(of(MEGABYTE.repeat(32)), NEVER), options({ flow }));
    client.stopReading();
    await new Promise((resolve) => setImmediate(resolve));
    expect(flow.closed).toBe(true);
    client.reset();
    expect(await outcome).toBe('client_left');
    expect(flow.closed).toBe(false);
  });

  it('I9: leaves no listener and no timer behind', async () => {
    const { client, response } = await exchange();
    const before = [response.listenerCount('close'), response.listenerCount('drain')];
    using timers = new OwnTimers();
    await timers.watch(() => writeSse(response, of('data: 1\n\n'), options()));
    await client.seen('\r\n0\r\n\r\n');
    if (!response.closed) await once(response, 'close');
    expect([response.listenerCount('close'), response.listenerCount('drain')]).toEqual(before);
    expect(await timers.left()).toEqual([]);
  });
});

import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RawClient } from '../../test/support/raw-client.js';
import { TollgateAdapter } from './tollgate-adapter.js';

/** Not in the types of Node; read when the server begins to listen. */
interface Impatient {
  connectionsCheckingInterval: number;
}

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** Express behind our limits, without an application. */
async function listen(limits: Partial<Server & Impatient> = {}): Promise<number> {
  const adapter = new TollgateAdapter({ maxConnections: 10 });
  adapter.initHttpServer();
  server = adapter.getHttpServer() as Server;
  Object.assign(server, limits);
  adapter
    .getInstance<{ use(handler: (request: unknown, response: { end(text: string): void }) => void): void }>()
    .use((_request, response) => response.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('S22: requests that take their time', () => {
  it('have 15 s for their headers, looked at every 5 s, and 120 s in all', async () => {
    await listen();
    expect(server).toMatchObject({
      headersTimeout: 15_000,
      connectionsCheckingInterval: 5_000,
      requestTimeout: 120_000,
      timeout: 0,
    });
    // Longer than load balancers keep theirs.
    expect(server?.keepAliveTimeout).toBeGreaterThan(60_000);
    expect(server?.keepAliveTimeout).toBeLessThan(80_000);
  });

  it.each([
    ['says nothing', ''],
    ['stops in its request line', 'GET /a'],
    ['stops in its headers', 'GET / HTTP/1.1\r\nhost: a\r\nx-a: b'],
  ])('a client that %s is told so and cut off', async (_name, bytes) => {
    const port = await listen({
      headersTimeout: 200,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 20,
    });
    const client = await RawClient.connect(port);
    client.send(bytes);
    await client.ended;
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    expect(client.text).toContain('"The request took too long to arrive."');
    client.close();
  });

  it('a client that sends a header a moment is cut off as well: it is the whole that counts', async () => {
    const port = await listen({
      headersTimeout: 300,
      requestTimeout: 60_000,
      connectionsCheckingInterval: 20,
    });
    const client = await RawClient.connect(port);
    client.send('GET / HTTP/1.1\r\nhost: a\r\n');
    const drip = setInterval(() => client.send('x-a: b\r\n'), 25);
    await client.ended;
    clearInterval(drip);
    expect(client.text).toMatch(/^HTTP\/1\.1 408 /);
    client.close();
  });

  it('a client that stops in its body is cut off', async () => {
    const port = await listen({ headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 });
    const client = await RawClient.connect(port);
    client.send('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345');
    await client.ended;
    expect(client.open).toBe(false);
    client.close();
  });
});

import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { TollgateProcess } from '../support/tollgate-process.js';
import { closedPort } from '../support/webhook-receiver.js';

/** Serves `GET /v1/models` and nothing else. */
async function serve(): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    response.statusCode = request.url === '/v1/models' ? 200 : 404;
    response.setHeader('content-type', request.url === '/v1/models' ? 'application/json' : 'text/html');
    response.end(
      request.url === '/v1/models' ? '{"object":"list","data":[{"id":"tiny"}]}' : '<h1>Not Found</h1>',
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

describe('an operator whose upstream is set up wrongly', () => {
  const open: (Server | TollgateProcess)[] = [];
  afterEach(async () => {
    for (const each of open.splice(0)) {
      if (each instanceof TollgateProcess) await each.discard();
      else each.close();
    }
  });

  /** The first warning of a server that was started with this upstream. */
  async function warningOf(baseUrl: string): Promise<Record<string, unknown>> {
    const gateway = await TollgateProcess.start({ env: { UPSTREAM_BASE_URL: baseUrl } });
    open.push(gateway);
    const line = await eventually(
      () =>
        gateway.output
          .split('\n')
          .find((each) => each.includes('"level":40') && each.includes('"upstream":"local"')),
      'a warning',
      30_000,
    );
    return JSON.parse(line) as Record<string, unknown>;
  }

  it.each([
    [
      'without /v1',
      async () => {
        const { server, port } = await serve();
        open.push(server);
        return `http://127.0.0.1:${port}`;
      },
      (url: string) => ({
        url: `${url}/models`,
        came: 'HTTP status 404',
        advice: `base_url usually ends in /v1: try ${url}/v1.`,
      }),
    ],
    [
      'where nothing listens',
      async () => `http://127.0.0.1:${await closedPort()}/v1`,
      (url: string) => ({
        url: `${url}/models`,
        came: 'ECONNREFUSED',
        advice: expect.stringContaining('start the server'),
      }),
    ],
    [
      'with https for a server without TLS',
      async () => {
        const { server, port } = await serve();
        open.push(server);
        return `https://127.0.0.1:${port}/v1`;
      },
      () => ({ advice: expect.stringContaining('try http://') }),
    ],
    [
      'without a price',
      async () => {
        const { server, port } = await serve();
        open.push(server);
        return `http://127.0.0.1:${port}/v1`;
      },
      () => ({ first: 'local/tiny', advice: expect.stringContaining('UPSTREAM_PRICING') }),
    ],
  ])(
    '%s is told what was asked, what came, and what to change',
    async (_how, urlOf, told) => {
      const url = await urlOf();
      expect(await warningOf(url)).toMatchObject(told(url));
    },
    60_000,
  );
});

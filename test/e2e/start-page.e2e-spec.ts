import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Tollgate } from '../support/tollgate.js';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

describe('GET /', () => {
  let tollgate: Tollgate;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
  });
  afterAll(() => tollgate.close());

  const root = (headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${tollgate.origin}/`, { method, headers });

  it('shows a browser where the API is, and links that all lead somewhere', async () => {
    const response = await root({ accept: BROWSER });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toContain('text/html');
    const html = await response.text();
    for (const path of ['/v1', '/api/v1', '/api/public/v1/openai'])
      expect(html).toContain(`<code>${tollgate.origin}${path}</code>`);
    const links = [...html.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(links).toHaveLength(3);
    for (const link of links) {
      const linked = await fetch(new URL(link, `${tollgate.origin}/`));
      expect([link, linked.status]).toEqual([link, 200]);
      await linked.body?.cancel();
    }
  });

  it('runs nothing and loads nothing', async () => {
    const response = await root({ accept: BROWSER });
    expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await response.text()).not.toMatch(/<script|src=|@import|url\(/);
  });

  it.each([{}, { accept: '*/*' }, { accept: 'application/json' }])(
    'tells programs the same as JSON (%j)',
    async (headers) => {
      const response = await root(headers);
      expect(response.headers.get('vary')?.toLowerCase()).toContain('accept');
      expect(await response.json()).toMatchObject({
        name: 'Tollgate',
        base_urls: [
          `${tollgate.origin}/v1`,
          `${tollgate.origin}/api/v1`,
          `${tollgate.origin}/api/public/v1/openai`,
        ],
        documentation: `${tollgate.origin}/docs`,
      });
    },
  );

  it('needs no key, takes HEAD, and has the headers of every answer', async () => {
    for (const accept of [BROWSER, '*/*']) {
      const response = await root({ accept }, 'HEAD');
      expect(response.status).toBe(200);
      expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
      expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
      expect(await response.text()).toBe('');
    }
  });

  it('is there to be read, and for nothing else', async () => {
    const response = await root({}, 'POST');
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toContain('GET');
    await response.body?.cancel();
  });

  it.each(['"><script>alert(1)</script>', 'a.test/$(id)', "a'b"])(
    'shows no Host that is none: %s',
    async (host) => {
      const sent = request({
        host: '127.0.0.1',
        port: new URL(tollgate.origin).port,
        headers: { host, accept: BROWSER },
      });
      sent.end();
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      const html = await text(response);
      expect(html).not.toContain(host);
      expect(html).toContain('<code>/v1</code>');
    },
  );
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';

describe('/docs and /openapi.json', () => {
  let tollgate: Tollgate;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
  });
  afterAll(() => tollgate.close());

  const without = (path: string, init?: RequestInit) => fetch(`${tollgate.origin}${path}`, init);

  it.each(['/docs', '/docs/'])(
    '%s loads everything from this server, and all of it is there',
    async (path) => {
      const response = await without(path);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toContain('text/html');
      const html = await response.text();
      const loaded = [...html.matchAll(/(?:src|href)=["']([^"'#]+)["']/g)].map((match) => match[1] ?? '');
      expect(loaded.length).toBeGreaterThanOrEqual(4);
      for (const url of loaded) {
        expect(url).not.toMatch(/^(https?:)?\/\//);
        const file = await fetch(new URL(url, `${tollgate.origin}${path}`));
        expect([url, file.status]).toEqual([url, 200]);
        await file.body?.cancel();
      }
    },
  );

  it('runs no script in the page itself, so that the policy need not allow any', async () => {
    const response = await without('/docs');
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    const scripts = [...(await response.text()).matchAll(/<script[^>]*>([^<]*)<\/script>/g)];
    expect(scripts.length).toBeGreaterThan(0);
    expect(scripts.map((match) => match[1]?.trim())).toEqual(scripts.map(() => ''));
  });

  it.each(['/docs', '/docs/swagger-ui.css', '/openapi.json'])(
    '%s needs no key and has the headers of every answer',
    async (path) => {
      for (const method of ['GET', 'HEAD']) {
        const response = await without(path, { method });
        expect(response.status).toBe(200);
        expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
        expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
        expect(response.headers.get('x-content-type-options')).toBe('nosniff');
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        expect(response.headers.has('x-powered-by')).toBe(false);
        await response.body?.cancel();
      }
    },
  );

  it.each([
    'package.json',
    'README.md',
    'LICENSE',
    'index.html',
    'swagger-initializer.js',
    'oauth2-redirect.html',
    'x',
  ])('/docs/%s is nobody’s business', async (file) => {
    const response = await without(`/docs/${file}`);
    expect(response.status).toBe(404);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });

  it('says nothing of keys, configuration or the machine', async () => {
    const text = await (await without('/openapi.json')).text();
    expect(text).not.toContain(tollgate.key);
    expect(text).not.toContain(ADMIN_KEY);
    expect(text).not.toMatch(/127\.0\.0\.1|node_modules|\/tmp\//);
  });

  it('refuses other methods and tells which it takes', async () => {
    for (const path of ['/docs', '/openapi.json']) {
      const response = await without(path, { method: 'POST' });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, HEAD');
    }
  });
});

import { describe, expect, it } from '@jest/globals';
import { ADMIN_KEY, MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { rawExchange, rawRequest, type RawAnswer } from '../support/wire-raw.js';
import { chatBody, L, Q, SURFACES, W } from '../support/wire-surfaces.js';

const EVIL = { origin: 'https://evil.example' };
const PREFLIGHT = {
  ...EVIL,
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization',
};

const corsOf = (headers: Headers) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

describe('S31: browsers', () => {
  const app = useWireApp();

  it.each([EVIL.origin, 'null', 'http://localhost'])(
    'of origin %s may use a key that they were given, and no credential of their own',
    async (origin) => {
      for (const headers of [
        (await app.tollgate.request('OPTIONS', W.chat, { headers: { ...PREFLIGHT, origin } })).headers,
        (await app.tollgate.post(W.chat, chatBody(), { origin })).headers,
      ]) {
        expect(headers.get('access-control-allow-origin')).toBe('*');
        expect(headers.has('access-control-allow-credentials')).toBe(false);
      }
    },
  );

  it.each([
    '/metrics',
    '/metrics/',
    '/METRICS',
    '/metrics?a=/v1/models',
    '/admin/v1/accounts',
    '/admin',
    '/Admin/V1/keys',
    '/admin/nope',
  ])('%s is no place for them: no CORS header at all', async (path) => {
    const admin = { authorization: `Bearer ${ADMIN_KEY}` };
    for (const response of [
      await app.tollgate.request('OPTIONS', path, { headers: PREFLIGHT }),
      await app.tollgate.get(path, { ...EVIL, ...admin }),
      await app.tollgate.get(path, { ...EVIL, authorization: undefined }),
    ]) {
      expect(corsOf(response.headers)).toEqual([]);
    }
  });
});

describe('S31: browsers where the operator names their origins', () => {
  const app = useWireApp({ env: { CORS_ORIGINS: 'https://app.example, https://other.example:8443' } });

  it.each(['https://app.example', 'https://other.example:8443'])('%s is let in by name', async (origin) => {
    const response = await app.tollgate.request('OPTIONS', W.chat, { headers: { ...PREFLIGHT, origin } });
    expect(response.headers.get('access-control-allow-origin')).toBe(origin);
    expect(response.headers.get('access-control-allow-headers')).toBe('authorization');
    expect(response.headers.get('vary')).toBe('Origin');
  });

  it.each([
    'https://evil.example',
    'null',
    'https://app.example.evil.example',
    'https://evil-app.example',
    'http://app.example',
    'https://app.example:444',
    'https://APP.example',
    'https://app.example, https://evil.example',
  ])('%s is not', async (origin) => {
    for (const response of [
      await app.tollgate.request('OPTIONS', W.chat, { headers: { ...PREFLIGHT, origin } }),
      await app.tollgate.post(W.chat, chatBody(), { origin }),
    ]) {
      expect(corsOf(response.headers)).toEqual([]);
      // A cache must not give the answer of one origin to another.
      expect(response.headers.get('vary')).toBe('Origin');
    }
  });
});

describe('S34: the operator’s routes', () => {
  const app = useWireApp();

  it.each([
    ['an ordinary key', (key: string) => ({ authorization: `Bearer ${key}` })],
    ['an ordinary key as X-API-Key', (key: string) => ({ authorization: undefined, 'x-api-key': key })],
    ['no key', () => ({ authorization: undefined })],
    [
      'the admin key as X-API-Key beside an ordinary key',
      (key: string) => ({ authorization: `Bearer ${key}`, 'x-api-key': ADMIN_KEY }),
    ],
    ['a part of the admin key', () => ({ authorization: `Bearer ${ADMIN_KEY.slice(0, -1)}` })],
    ['a query', () => ({ authorization: undefined, 'x-original-url': `/metrics?api_key=${ADMIN_KEY}` })],
  ])('are closed to %s', async (_name, headersOf) => {
    const headers = headersOf(app.tollgate.key);
    for (const path of [
      '/metrics',
      '/metrics/',
      `/metrics?api_key=${ADMIN_KEY}`,
      `/metrics?authorization=${ADMIN_KEY}`,
    ]) {
      const response = await app.tollgate.get(path, headers);
      expect(response.status).toBe(401);
      expect(await response.text()).not.toMatch(/tollgate_|process_/);
    }
    for (const path of ['/admin/v1/accounts', '/admin/v1/keys', '/admin/v1/ledger', '/admin']) {
      for (const method of ['GET', 'POST', 'DELETE', 'PATCH']) {
        const { status } = await app.tollgate.request(method, path, { headers });
        expect([401, 403, 404, 405]).toContain(status);
      }
    }
  });

  it('are open to the admin key, and its key to nothing else', async () => {
    const headers = { authorization: `Bearer ${ADMIN_KEY}` };
    const metrics = await app.tollgate.get('/metrics', headers);
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain('tollgate_requests_total');
    for (const { chat, models } of SURFACES) {
      expect((await app.tollgate.post(chat, chatBody(), headers)).status).toBe(401);
      expect((await app.tollgate.get(models, headers)).status).toBe(401);
    }
  });

  // S33, S36 (another's id, sort orders, filters) are proved where such routes are, with the admin API.
});

describe('S40 to S42: spellings of paths', () => {
  const app = useWireApp();

  const ask = (method: string, path: string, body = ''): Promise<RawAnswer> =>
    rawExchange(
      app.tollgate.port,
      rawRequest(method, path, { authorization: `Bearer ${app.tollgate.key}` }, body),
    );

  it.each([
    '/v1//chat/completions',
    '//v1/chat/completions',
    '/v1/chat//completions',
    '/v1/%63hat/completions',
    '/v1/chat%2fcompletions',
    '/v1/./chat/completions',
    '/v1/x/../chat/completions',
    '/v1/chat/completions//',
    '/v1/chat/completions/.',
    '/v1/chat/completions;a=b',
    '/v1/chat/completions%00',
    '/v1/chat/completions%20',
    '/v1\\chat\\completions',
    '/api/v1/../../v1/chat/completions',
  ])('S40: %s is no URL of ours', async (path) => {
    const answer = await ask('POST', path, JSON.stringify(chatBody()));
    expect(answer.status).toBe(404);
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('S41: slashes of a model are slashes, raw or encoded', async () => {
    for (const { models } of [W, Q, L, { models: '/v1/chat/models' }, { models: '/api/v1/chat/models' }]) {
      const answers = await Promise.all(
        [MODEL, encodeURIComponent(MODEL), MODEL.replace('/', '%2f'), `${MODEL}/`, `${MODEL}?a=/../x`].map(
          (id) => ask('GET', `${models}/${id}`),
        ),
      );
      for (const { status, body } of answers) {
        expect(status).toBe(200);
        expect(JSON.parse(body)).toMatchObject({ id: MODEL });
      }
    }
  });

  it.each([
    ['/../admin', 404],
    ['/%2e%2e%2fadmin', 404],
    ['/%2e%2e/%2e%2e/metrics', 404],
    ['/..%2f..%2fmetrics', 404],
    ['/..\\..\\metrics', 404],
    ['/..%5c..%5cmetrics', 404],
    ['/%252e%252e%252fadmin', 404],
    [`/${MODEL}/..`, 404],
    [`/./${MODEL}`, 404],
    [`//${MODEL}`, 404],
    [`/${encodeURIComponent(encodeURIComponent(MODEL))}`, 404],
    [`/${MODEL}%00`, 404],
    ['/%00', 404],
    ['/__proto__', 404],
    ['/constructor', 404],
    [`/${'a/'.repeat(3_000)}`, 404],
    ['/%0d%0aset-cookie:%20a=b', 404],
    ['/%1b[31m', 404],
    ['/%zz', 400],
    ['/%', 400],
    ['/%c0%af', 400],
    ['/%ff', 400],
    ['/%u002e', 400],
  ])('S42: models%s is %d, in our shape, and joined to no path', async (path, status) => {
    for (const { models } of SURFACES) {
      const answer = await ask('GET', `${models}${path}`);
      expect(answer.status).toBe(status);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(answer.headers.has('set-cookie')).toBe(false);
      const { error } = JSON.parse(answer.body) as { error: { message: string } };
      expect(error.message.length).toBeLessThan(400);
      expect(error.message).not.toMatch(/\p{Cc}/u);
    }
  });

  it.each([
    '/docs/../../package.json',
    '/docs/%2e%2e/%2e%2e/package.json',
    '/docs/..%2f..%2fpackage.json',
    '/docs/%00',
  ])('S42: %s gives no file away', async (path) => {
    const answer = await ask('GET', path);
    expect(answer.status).toBe(404);
    expect(answer.body).not.toMatch(/dependencies|"version"/);
  });
});

describe('S48: what no response says', () => {
  const app = useWireApp({ env: { MAX_BODY_BYTES: '2048' } });

  it.each<[string, string, string, Record<string, string>?, string?]>([
    ['an answer', 'POST', W.chat, {}, JSON.stringify(chatBody())],
    ['a stream', 'POST', W.chat, {}, JSON.stringify(chatBody({ stream: true }))],
    ['a list of models', 'GET', W.models],
    ['the same list for a cache', 'GET', W.models, { 'if-none-match': '*' }],
    ['a model', 'GET', `${W.models}/${MODEL}`],
    ['no such model', 'GET', `${W.models}/x`],
    ['no such page', 'GET', '/x'],
    ['a wrong method', 'PUT', W.chat],
    ['a wrong key', 'GET', W.models, { authorization: 'Bearer x' }],
    ['a malformed body', 'POST', W.chat, {}, '{'],
    ['an invalid body', 'POST', L.chat, {}, '{}'],
    ['a body too large', 'POST', W.chat, {}, 'x'.repeat(2_049)],
    ['a type that is not JSON', 'POST', W.chat, { 'content-type': 'text/html' }, '<'],
    ['a preflight', 'OPTIONS', W.chat],
    ['liveness', 'GET', '/health/live'],
    ['readiness', 'GET', '/health/ready'],
    ['metrics', 'GET', '/metrics', { authorization: `Bearer ${ADMIN_KEY}` }],
    ['the documentation', 'GET', '/docs'],
    ['the document', 'GET', '/openapi.json'],
    [
      'a failure of the upstream',
      'POST',
      W.chat,
      {},
      JSON.stringify(chatBody({ model: 'sandbox/error-500' })),
    ],
    [
      'a failure in mid-stream',
      'POST',
      W.chat,
      {},
      JSON.stringify(chatBody({ model: 'sandbox/disconnect', stream: true })),
    ],
    ['a bad path', 'GET', `${W.models}/%zz`],
    ['a URL that cannot be read', 'GET', 'http://['],
  ])(
    '%s: no framework, no ETag, no stack, no path of ours',
    async (_name, method, path, headers = {}, body = '') => {
      const answer = await rawExchange(
        app.tollgate.port,
        rawRequest(method, path, { authorization: `Bearer ${app.tollgate.key}`, ...headers }, body),
      );
      for (const name of ['x-powered-by', 'etag', 'server', 'set-cookie', 'via']) {
        expect(answer.headers.has(name)).toBe(false);
      }
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
      expect(answer.headers.get('openai-version')).toBe('2020-10-01');
      expect(answer.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
      expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
      expect(answer.body).not.toMatch(
        /\n\s+at |node_modules|\.[jt]s:\d+|statusCode|Exception|Nest\b|Express/,
      );
    },
  );
});

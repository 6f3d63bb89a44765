import { describe, expect, it } from '@jest/globals';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { rawExchange, rawRequest } from '../support/wire-raw.js';
import { chatBody, completionBody, L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const PREFLIGHT = {
  authorization: undefined,
  origin: 'https://app.example',
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization,content-type,x-stainless-os',
};

const EXPOSED = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-processing-ms',
  'x-conversation-id',
  'content-disposition',
  'idempotent-replayed',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [
    `x-ratelimit-${what}-requests`,
    `x-ratelimit-${what}-tokens`,
  ]),
];

/** Every endpoint that takes a POST, and the dialect that it must speak. */
const POST_ROUTES: readonly (readonly [path: string, surface: WireSurface, kind: 'chat' | 'completions'])[] =
  [
    ['/v1/chat/completions', W, 'chat'],
    ['/chat/completions', W, 'chat'],
    ['/api/v1/chat/completions', Q, 'chat'],
    ['/api/public/v1/openai/chat/completions', L, 'chat'],
    ['/v1/completions', W, 'completions'],
    ['/completions', W, 'completions'],
    ['/api/v1/completions', Q, 'completions'],
    ['/api/public/v1/openai/completions', L, 'completions'],
  ];

const bodyOf = (kind: 'chat' | 'completions') => (kind === 'chat' ? chatBody() : completionBody());

describe('every endpoint', () => {
  const app = useWireApp();

  it.each(POST_ROUTES)('POST %s answers, and refuses in its own dialect', async (path, surface, kind) => {
    const response = await app.tollgate.post(path, bodyOf(kind));
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { object: kind === 'chat' ? 'chat.completion' : 'text_completion', model: MODEL },
    });
    await expectFailure(await app.tollgate.post(path, {}), surface, surface.invalid, { param: 'model' });
  });

  it.each(POST_ROUTES)(
    'POST %s takes a slash at its end and a query that it does not know',
    async (path, _surface, kind) => {
      for (const variant of [`${path}/`, `${path}?api-version=2024-10-21`, `${path}/?a=1&b=%2F`]) {
        expect((await app.tollgate.post(variant, bodyOf(kind))).status).toBe(200);
      }
    },
  );

  /** `GET /v1/chat/completions` lists stored completions. */
  const POST_ONLY = POST_ROUTES.filter(([path]) => path !== '/v1/chat/completions');

  it.each(POST_ONLY)('case 37, 84: GET and HEAD on %s are not allowed', async (path, surface) => {
    // The route is judged before the caller: no key.
    const response = await app.tollgate.get(path, { authorization: undefined });
    await expectFailure(response, surface, 405, {
      message: `Not allowed to GET on ${path}. (HINT: Perhaps you meant to use a different HTTP method?)`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
    expect(response.headers.get('allow')).toBe('POST');

    const head = await app.tollgate.request('HEAD', path);
    expect(head.status).toBe(405);
    expect(head.headers.get('allow')).toBe('POST');
    expect(await head.text()).toBe('');
  });

  it('case 37: another method on /v1/chat/completions is not allowed either', async () => {
    const response = await app.tollgate.request('PUT', W.chat);
    await expectFailure(response, W, 405, { type: 'invalid_request_error', param: null, code: null });
    expect(response.headers.get('allow')).toBe('GET, HEAD, POST');
  });

  it.each([
    ['/v1/nope', W],
    ['/nope', W],
    ['/api/nope', W],
    ['/chat/completions/chatcmpl-1', W],
    ['/api/v1/chat/completions/chatcmpl-1', Q],
    ['/v1/responses', W],
    ['/api/v1/nope', Q],
    ['/v1/chat/modelsx', W],
    ['/api/public/v1/openai/nope', L],
    ['/api/public/v1/openaix/models', W],
  ])('case 37: POST %s is no URL of ours', async (path, surface) => {
    const response = await app.tollgate.post(path, chatBody(), { authorization: undefined });
    await expectFailure(response, surface, 404, {
      message: `Invalid URL (POST ${path})`,
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
    expect(response.headers.get('allow')).toBeNull();
  });
});

describe('methods and CORS', () => {
  const app = useWireApp();

  it.each(['/v1/chat/completions', '/api/v1/models', '/api/public/v1/openai/completions', '/v1/nope'])(
    'case 100: a preflight of %s needs no key and gets the headers that it asked for',
    async (path) => {
      const response = await app.tollgate.request('OPTIONS', path, { headers: PREFLIGHT });
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, POST, PATCH, DELETE, OPTIONS, HEAD',
        'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
        'access-control-max-age': '86400',
      });
      expect(response.headers.has('access-control-allow-credentials')).toBe(false);
    },
  );

  it.each(SURFACES)('case 100: answers and errors may be read by any origin ($name)', async (surface) => {
    const browser = { origin: 'https://app.example' };
    for (const [status, response] of [
      [200, await app.tollgate.post(surface.chat, chatBody(), browser)],
      [200, await app.tollgate.post(surface.chat, chatBody({ stream: true }), browser)],
      [401, await app.tollgate.post(surface.chat, chatBody(), { ...browser, authorization: undefined })],
      [surface.invalid, await app.tollgate.post(surface.chat, '{', browser)],
      [405, await app.tollgate.get(surface.completions, browser)],
    ] as const) {
      expect(response.status).toBe(status);
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
      expect(response.headers.get('access-control-expose-headers')?.split(', ').toSorted()).toEqual(
        EXPOSED.toSorted(),
      );
    }
  });

  it.each([
    ...SURFACES.map(({ models }) => models),
    '/models',
    '/v1/chat/models',
    '/api/v1/chat/models',
    `${Q.models}/${MODEL}`,
  ])('case 101: HEAD %s is GET without its body', async (path) => {
    const get = await app.tollgate.get(path);
    const head = await app.tollgate.request('HEAD', path);
    expect([get.status, head.status]).toEqual([200, 200]);
    expect(await head.text()).toBe('');
    for (const name of ['content-type', 'content-length', 'cache-control']) {
      expect(head.headers.get(name)).toBe(get.headers.get(name));
    }
    expect((await get.arrayBuffer()).byteLength).toBe(Number(head.headers.get('content-length')));
  });

  it.each(SURFACES)('case 101: HEAD with a wrong key is 401 without a body ($name)', async (surface) => {
    const head = await app.tollgate.request('HEAD', surface.models, {
      headers: { authorization: undefined },
    });
    expect(head.status).toBe(401);
    expect(head.headers.get('www-authenticate')).toBe('Bearer');
    expect(await head.text()).toBe('');
  });
});

describe('headers of every response', () => {
  const app = useWireApp();
  const REQUESTS = ['answer', 'stream', 'models', '400', '401', '404', '405', 'preflight'] as const;

  function send(what: (typeof REQUESTS)[number], headers: Record<string, string>): Promise<Response> {
    const { tollgate } = app;
    switch (what) {
      case 'answer':
        return tollgate.post(W.chat, chatBody(), headers);
      case 'stream':
        return tollgate.post(W.chat, chatBody({ stream: true }), headers);
      case 'models':
        return tollgate.get(W.models, headers);
      case '400':
        return tollgate.post(W.chat, '{', headers);
      case '401':
        return tollgate.get(W.models, { ...headers, authorization: undefined });
      case '404':
        return tollgate.get('/nope', headers);
      case '405':
        return tollgate.get(W.completions, headers);
      case 'preflight':
        return tollgate.request('OPTIONS', W.chat, { headers: { ...PREFLIGHT, ...headers } });
    }
  }

  it.each(REQUESTS)(
    '%s: has an id, a duration and a version, and says nothing of its framework',
    async (what) => {
      const { headers } = await send(what, {});
      expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
      expect(headers.get('openai-processing-ms')).toMatch(/^\d+$/);
      expect(headers.get('openai-version')).toBe('2020-10-01');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.has('x-powered-by')).toBe(false);
      expect(headers.has('etag')).toBe(false);
    },
  );

  it.each(REQUESTS)('%s: gives a well-formed X-Request-Id back', async (what) => {
    for (const id of ['my-id_1', 'a'.repeat(128)]) {
      const response = await send(what, { 'x-request-id': id });
      expect(response.headers.get('x-request-id')).toBe(id);
    }
  });

  it.each(['', 'a'.repeat(129), 'two words', 'a;b', '{}', 'é'])(
    'makes an id of its own in place of %j',
    async (id) => {
      const response = await app.tollgate.post(W.chat, chatBody(), { 'x-request-id': id });
      expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
    },
  );

  it('two requests never share an id', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => app.tollgate.get(W.models)));
    expect(new Set(answers.map(({ headers }) => headers.get('x-request-id'))).size).toBe(20);
  });

  it.each(SURFACES)('an answer is JSON that nobody keeps ($name)', async (surface) => {
    for (const response of [
      await app.tollgate.post(surface.chat, chatBody()),
      await app.tollgate.post(surface.completions, completionBody()),
      await app.tollgate.get(surface.models),
      await app.tollgate.get(`${surface.models}/${MODEL}`),
    ]) {
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
    }
  });
});

const withPicture = (data: string) =>
  JSON.stringify(
    chatBody({
      messages: [
        {
          role: 'user',
          content: [{ type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }],
        },
      ],
    }),
  );

/** Default of `MAX_BODY_BYTES`. */
const LIMIT = 20 * 1024 * 1024;

describe('bodies', () => {
  const app = useWireApp();

  it('case 35: a body of exactly the limit is read', async () => {
    const body = withPicture('A'.repeat(LIMIT - withPicture('').length));
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
    expect((await app.upstream.nextRequest()).rawBody.length).toBeGreaterThan(LIMIT - 1_000);
  });

  it.each(SURFACES)('case 35: a body over the limit is refused ($name)', async (surface) => {
    const body = JSON.stringify(chatBody({ user: 'x'.repeat(LIMIT) }));
    await expectFailure(await app.tollgate.post(surface.chat, body), surface, 413, {
      message: expect.stringMatching(/^Request body too large/),
      type: 'invalid_request_error',
      param: null,
      code: 'request_too_large',
    });
  });

  it.each(SURFACES)('case 36: text/plain is refused ($name)', async (surface) => {
    const response = await app.tollgate.post(surface.chat, chatBody(), { 'content-type': 'text/plain' });
    await expectFailure(response, surface, 415, {
      message: expect.stringMatching(
        /^Unsupported content type: 'text\/plain'\. This API method only accepts 'application\/json' requests/,
      ),
      type: 'invalid_request_error',
      param: null,
      code: 'unsupported_content_type',
    });
  });

  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/vnd.api+json',
  ])('case 36: %s is JSON', async (type) => {
    const response = await app.tollgate.post(W.chat, chatBody(), { 'content-type': type });
    expect(response.status).toBe(200);
  });

  it('case 36: so is a body that does not say what it is', async () => {
    const answer = await rawExchange(
      app.tollgate.port,
      rawRequest('POST', W.chat, { 'x-api-key': app.tollgate.key }, JSON.stringify(chatBody())),
    );
    expect(answer.status).toBe(200);
  });

  it.each(
    SURFACES.flatMap((surface) =>
      [
        ['gzip', gzipSync],
        ['deflate', deflateSync],
        ['br', brotliCompressSync],
      ].map(
        ([encoding, compress]) =>
          ({ surface, name: surface.name, encoding, compress }) as {
            surface: WireSurface;
            name: string;
            encoding: string;
            compress: (text: string) => Buffer;
          },
      ),
    ),
  )('case 104: a body in $encoding is read ($name)', async ({ surface, encoding, compress }) => {
    const body = compress(JSON.stringify(chatBody({ messages: [{ role: 'user', content: 'zipped é' }] })));
    const response = await app.tollgate.post(surface.chat, body, { 'content-encoding': encoding });
    expect(response.status).toBe(200);
    expect((await app.upstream.nextRequest()).body['messages']).toEqual([
      { role: 'user', content: 'zipped é' },
    ]);
  });

  it.each(SURFACES)('the body is judged in order: form, rules, model, upstream ($name)', async (surface) => {
    const statusOf = async (body: unknown, headers = {}) =>
      (await app.tollgate.post(surface.chat, body, headers)).status;
    expect(await statusOf('{', { 'content-type': 'text/plain' })).toBe(415);
    expect(await statusOf(chatBody({ model: 'no/such-model', temperature: 3 }))).toBe(surface.invalid);
    expect(await statusOf(chatBody({ model: 'no/such-model' }))).toBe(404);
    expect(app.upstream.requests).toHaveLength(0);
  });
});

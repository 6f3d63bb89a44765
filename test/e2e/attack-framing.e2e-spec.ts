import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { httpRequest, RawClient } from '../support/raw-client.js';
import { ADMIN_KEY } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { rawExchange, rawRequest, type RawAnswer } from '../support/wire-raw.js';
import { chatBody, Q, W } from '../support/wire-surfaces.js';

/** What would run if the bytes behind a request were taken for another one. */
const SMUGGLED = `GET /metrics HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${ADMIN_KEY}\r\n\r\n`;

const open: RawClient[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.close();
});

async function connect(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port);
  open.push(client);
  return client;
}

function errorOf({ body }: RawAnswer): { message: string; code: string | null } {
  return (JSON.parse(body) as { error: { message: string; code: string | null } }).error;
}

describe('S20: framing that two parties could read differently', () => {
  const app = useWireApp();

  it.each<[string, string, string]>([
    ['length and chunks', 'content-length: 5\r\ntransfer-encoding: chunked', `0\r\n\r\n${SMUGGLED}`],
    ['chunks and length', 'transfer-encoding: chunked\r\ncontent-length: 4', `0\r\n\r\n${SMUGGLED}`],
    ['two lengths', 'content-length: 5\r\ncontent-length: 0', `12345${SMUGGLED}`],
    ['the same length twice', 'content-length: 5\r\ncontent-length: 5', `12345${SMUGGLED}`],
    ['a list of lengths', 'content-length: 5, 5', `12345${SMUGGLED}`],
    ['a length with a sign', 'content-length: +5', `12345${SMUGGLED}`],
    ['a negative length', 'content-length: -1', SMUGGLED],
    ['a hexadecimal length', 'content-length: 0x5', `12345${SMUGGLED}`],
    ['a length beyond any number', `content-length: ${'9'.repeat(30)}`, SMUGGLED],
    ['an unknown transfer coding', 'transfer-encoding: xchunked', `0\r\n\r\n${SMUGGLED}`],
    ['a coding after chunked', 'transfer-encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`],
    ['two transfer codings', 'transfer-encoding: chunked\r\ntransfer-encoding: x', `0\r\n\r\n${SMUGGLED}`],
    ['a space before the colon', 'transfer-encoding : chunked', `0\r\n\r\n${SMUGGLED}`],
    ['a folded header', 'x-a: b\r\n c: d', SMUGGLED],
    ['a folded transfer coding', 'transfer-encoding:\r\n chunked', `0\r\n\r\n${SMUGGLED}`],
    ['a line feed alone', 'x-a: b\ntransfer-encoding: chunked', `0\r\n\r\n${SMUGGLED}`],
    ['a carriage return alone', 'x-a: b\rtransfer-encoding: chunked', `0\r\n\r\n${SMUGGLED}`],
    ['a NUL in a header', 'x-a: b\0c', SMUGGLED],
    ['a header without a name', ': b', SMUGGLED],
    ['a chunk size that is none', 'transfer-encoding: chunked', `zz\r\n${SMUGGLED}`],
    ['a chunk longer than its size', 'transfer-encoding: chunked', `1\r\n12\r\n0\r\n\r\n${SMUGGLED}`],
    ['a chunk size beyond any number', 'transfer-encoding: chunked', `${'f'.repeat(17)}\r\n${SMUGGLED}`],
  ])('%s: 400, and nothing behind it is read', async (_name, headers, rest) => {
    const { key, port } = app.tollgate;
    const answer = await rawExchange(
      port,
      `POST ${W.chat} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n${headers}\r\n\r\n${rest}`,
    );
    expect(answer.status).toBe(400);
    expect(answer.headers.get('connection')).toBe('close');
    expect(errorOf(answer).message).toBe('The request is not valid HTTP.');
    expect(answer.body).not.toContain('HTTP/1.1');
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('trailers of a chunked body change nothing: a key there is none', async () => {
    const { key, port } = app.tollgate;
    const body = JSON.stringify(chatBody());
    const answer = await rawExchange(
      port,
      `POST ${W.chat} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n` +
        `${body.length.toString(16)}\r\n${body}\r\n0\r\nauthorization: Bearer ${key}\r\n\r\n`,
    );
    expect(answer.status).toBe(401);
  });

  it('a body of a GET is no request of its own', async () => {
    const { key, port } = app.tollgate;
    const client = await connect(port);
    client.send(
      httpRequest(W.models, { method: 'GET', headers: { authorization: `Bearer ${key}` }, body: SMUGGLED }),
    );
    await client.seen('"object":"list"');
    client.send(httpRequest('/health/live', { method: 'GET' }));
    await client.seen('{"status":"ok"}');
    expect(client.text.split('HTTP/1.1 ')).toHaveLength(3);
    expect(client.text).not.toContain('tollgate_requests_total');
  });
});

describe('clients that close after one answer', () => {
  const app = useWireApp();

  it.each(['HTTP/1.0', 'HTTP/1.1'])(
    '%s: a stream ends with its connection, when it is over',
    async (version) => {
      const { key, port } = app.tollgate;
      const body = JSON.stringify(chatBody({ stream: true }));
      const answer = await rawExchange(
        port,
        `POST ${W.chat} ${version}\r\nhost: a\r\nconnection: close\r\nauthorization: Bearer ${key}\r\n` +
          `content-length: ${body.length}\r\n\r\n${body}`,
      );
      expect(answer.status).toBe(200);
      expect(answer.headers.get('connection')).toBe('close');
      expect(answer.headers.has('transfer-encoding')).toBe(version === 'HTTP/1.1');
      expect(answer.body).toMatch(version === 'HTTP/1.0' ? /data: \[DONE\]\n\n$/ : /\r\n0\r\n\r\n$/);
    },
  );

  it('others keep their connection', async () => {
    const { key, port } = app.tollgate;
    const client = await connect(port);
    for (const count of [1, 2]) {
      const body = chatBody({ stream: true });
      client.send(httpRequest(W.chat, { headers: { authorization: `Bearer ${key}` }, body }));
      await client.seen('\r\n0\r\n\r\n', count);
    }
    expect(client.text.match(/^connection: keep-alive\r$/gim)).toHaveLength(2);
  });
});

describe('S21: bytes that are no HTTP', () => {
  const app = useWireApp();

  it.each<[string, Buffer]>([
    ['a TLS handshake', Buffer.from('16030100c8010000c40303a1b2c3d4', 'hex')],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['HTTP/2 with prior knowledge', Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')],
    ['zeros', Buffer.alloc(1_000)],
    ['an unknown method', Buffer.from('FOO /v1/models HTTP/1.1\r\nhost: a\r\n\r\n')],
    ['a space in the path', Buffer.from('GET /v1/ models HTTP/1.1\r\nhost: a\r\n\r\n')],
    ['a relative path', Buffer.from('GET v1/models HTTP/1.1\r\nhost: a\r\n\r\n')],
  ])('%s: 400, closed, and others are served', async (_name, bytes) => {
    const answer = await rawExchange(app.tollgate.port, bytes);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toEqual({
      message: 'The request is not valid HTTP.',
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
    expect((await app.tollgate.get('/health/live')).status).toBe(200);
  });

  it('are not answered in the middle of a stream', async () => {
    const { key, port } = app.tollgate;
    const body = chatBody({ model: 'sandbox/stall', stream: true });
    const client = await connect(port);
    client.send(httpRequest(W.chat, { headers: { authorization: `Bearer ${key}` }, body }));
    await client.seen('"content":');
    client.send('\0\0\0\r\n\r\n');
    await client.ended;
    expect(client.text.split('HTTP/1.1')).toHaveLength(2);
    expect(client.text).not.toContain('not valid HTTP');
    await eventually(() => app.tollgate.openRequests === 0, 'the end of the stream');
  });

  it('K10: thousands of requests behind an unfinished one are not kept: the connection is closed', async () => {
    const { key, port } = app.tollgate;
    const body = chatBody({ model: 'sandbox/timeout' });
    const client = await connect(port);
    client.send(httpRequest(W.chat, { headers: { authorization: `Bearer ${key}` }, body }));
    await eventually(() => app.tollgate.openRequests === 1, 'a first request');
    client.send(httpRequest('/health/live', { method: 'GET' }).repeat(5_000));
    await client.ended;
    expect(client.bytesReceived).toBe(0);
    await eventually(() => app.tollgate.openRequests === 0, 'its end');
  });
});

const many = (count: number) => Array.from({ length: count }, (_, i) => `x-${i}: 1\r\n`).join('');

describe('S19: too many headers', () => {
  const app = useWireApp();

  const ask = (headers: string) =>
    rawExchange(
      app.tollgate.port,
      `GET ${W.models} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers}` +
        `authorization: Bearer ${app.tollgate.key}\r\n\r\n`,
    );

  it('a block of 17 KB is 431', async () => {
    const answer = await ask(`x-a: ${'a'.repeat(17 * 1024)}\r\n`);
    expect(answer.status).toBe(431);
    expect(errorOf(answer)).toMatchObject({
      message: 'The request headers are too large.',
      code: 'request_headers_too_large',
    });
  });

  it.each([98, 500, 1_100, 1_500])(
    '%d more than the three of each request: 431, so that none is dropped in silence',
    async (count) => {
      const answer = await ask(many(count));
      expect(answer.status).toBe(431);
      expect(answer.headers.get('connection')).toBe('close');
      expect(errorOf(answer).message).toMatch(/headers/);
    },
  );

  it('a hundred headers are read to the last one, which is the key', async () => {
    expect((await ask(many(97))).status).toBe(200);
  });
});

describe('S5: whom a request names as its host', () => {
  const app = useWireApp();

  const models = (headers: Record<string, string>, target: string = W.models) =>
    rawExchange(
      app.tollgate.port,
      rawRequest('GET', target, { authorization: `Bearer ${app.tollgate.key}`, ...headers }),
    );

  it.each([
    ['x/#@evil', W.models],
    ['x/v1/chat/completions?', W.models],
    ['evil.example', `http://evil.example${W.models}`],
    ['', W.models],
    ['a', `http://user:password@[::1]:99999${W.models}`],
    ['a', `http://[${W.models}`],
  ])('Host %j with target %s changes neither route nor answer', async (host, target) => {
    const answer = await models({ host }, target);
    expect(answer.status).toBe(200);
    expect(answer.body).toBe((await models({})).body);
    expect(JSON.stringify([...answer.headers])).not.toMatch(/evil|#@/);
  });

  it.each(['x-forwarded-host', 'x-original-url', 'x-rewrite-url', 'x-forwarded-prefix', 'x-original-host'])(
    'S34: %s is not read',
    async (name) => {
      expect((await models({ [name]: '/metrics' })).body).toContain('"object":"list"');
    },
  );

  it.each([
    ['two', 'host: a\r\nhost: b\r\n', 'The request has more than one Host header.'],
    ['the same twice', 'host: a\r\nhost: a\r\n', 'The request has more than one Host header.'],
    ['none', '', 'The request has no Host header.'],
  ])('%s: 400', async (_name, hosts, message) => {
    const { key, port } = app.tollgate;
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await rawExchange(
        port,
        `${method} ${W.models} HTTP/1.1\r\n${hosts}authorization: Bearer ${key}\r\n\r\n`,
      );
      expect(answer.status).toBe(400);
      expect(errorOf(answer).message).toBe(message);
    }
  });

  it.each(['http://[', 'http://', 'http://evil.example', '*'])(
    'S48: a target of which no path can be read (%s) is 404 in our shape',
    async (target) => {
      const answer = await models({}, target);
      expect(answer.status).toBe(404);
      expect(answer.headers.get('x-request-id')).toMatch(/^req_/);
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(errorOf(answer).message).toMatch(/^Invalid URL \(GET /);
    },
  );
});

describe('S23: connections that nobody uses', () => {
  const app = useWireApp({ env: { MAX_CONNECTIONS: '3' } });

  it('are bounded; others are served beside them, and again when they have gone', async () => {
    const { port } = app.tollgate;
    await connect(port);
    const second = await connect(port);
    const ask = (): Promise<RawAnswer> => rawExchange(port, rawRequest('GET', '/health/live'));
    expect((await ask()).status).toBe(200);

    await connect(port);
    const fourth = await connect(port);
    await fourth.ended;
    expect(fourth.bytesReceived).toBe(0);

    second.close();
    await eventually(async () => {
      const answer = await ask().catch(() => undefined);
      return answer?.status === 200;
    }, 'an answer once there is room again');
  });
});

describe('S43: methods', () => {
  const app = useWireApp();

  it.each(['TRACE', 'PUT', 'PATCH', 'PROPFIND', 'QUERY'])('%s is 405 and repeats nothing', async (method) => {
    const { key, port } = app.tollgate;
    for (const path of [W.models, W.chat, '/metrics', '/health/live']) {
      const answer = await rawExchange(
        port,
        rawRequest(method, path, { authorization: `Bearer ${key}`, 'x-secret': 'of-the-caller' }),
      );
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toMatch(/GET|POST/);
      expect(answer.body).not.toMatch(/of-the-caller|sk-tg/);
    }
  });

  it('CONNECT opens nothing: the connection is closed', async () => {
    const client = await connect(app.tollgate.port);
    client.send('CONNECT 127.0.0.1:80 HTTP/1.1\r\nhost: 127.0.0.1:80\r\n\r\n');
    await client.ended;
    expect(client.bytesReceived).toBe(0);
  });

  it('HEAD on a stream is 405 without a body', async () => {
    const { key, port } = app.tollgate;
    const body = JSON.stringify(chatBody({ stream: true }));
    const answer = await rawExchange(
      port,
      rawRequest('HEAD', Q.chat, { authorization: `Bearer ${key}` }, body),
    );
    expect(answer.status).toBe(405);
    expect(answer.body).toBe('');
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each(['x-http-method-override', 'x-http-method', 'x-method-override'])(
    'S34: %s is not read',
    async (name) => {
      const { key, port } = app.tollgate;
      const answer = await rawExchange(
        port,
        rawRequest('GET', Q.chat, { authorization: `Bearer ${key}`, [name]: 'POST' }),
      );
      expect(answer.status).toBe(405);
    },
  );
});

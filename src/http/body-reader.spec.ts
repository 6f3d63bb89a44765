import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { request as send } from 'undici';
import { DomainError } from '../common/errors/domain-error.js';
import { ClientGoneError } from './body.errors.js';
import { readJsonBody } from './body-reader.js';

const maxBodyBytes = 1024 * 1024;

const encoded = (encoding: string) => ({ 'content-type': 'application/json', 'content-encoding': encoding });

describe('readJsonBody', () => {
  let server: Server;
  let port: number;
  let outcome: ((error: unknown) => void) | undefined;

  beforeAll(async () => {
    server = createServer((request, response) => void answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  /** As the exception filter does: closes the connection of a request whose body was not read to its end. */
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Guards take their time; the body must not get lost meanwhile.
    await setImmediate();
    try {
      const value = await readJsonBody(request, { maxBodyBytes });
      response.end(JSON.stringify({ value }));
      outcome?.(undefined);
    } catch (error) {
      if (!request.complete) response.setHeader('connection', 'close');
      response.statusCode = 400;
      const { code, message } = error as DomainError;
      response.end(JSON.stringify({ code, message }));
      outcome?.(error);
    }
  }

  async function post(
    body: string | Buffer | null,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): Promise<{ value?: unknown; code?: string; message?: string }> {
    const reply = await send(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body });
    return (await reply.body.json()) as object;
  }

  const nextOutcome = (): Promise<unknown> =>
    new Promise((resolve) => {
      outcome = resolve;
    });

  it.each([
    ['application/json'],
    ['application/json; charset=utf-8'],
    ['Application/JSON;charset="UTF-8"'],
    ['application/vnd.api+json'],
    ['application/json; charset=us-ascii'],
  ])('reads %s', async (type) => {
    expect(await post('{"a":"é"}', { 'content-type': type })).toEqual({ value: { a: 'é' } });
  });

  it('takes a missing content type for JSON', async () => {
    expect(await post('[1]', {})).toEqual({ value: [1] });
  });

  it('S12: reads an empty body as undefined, with and without a content type', async () => {
    expect(await post(null)).toEqual({});
    expect(await post('', {})).toEqual({});
  });

  it.each([
    ['case 36', 'text/plain', 'unsupported_content_type'],
    ['case 36', 'multipart/form-data; boundary=x', 'unsupported_content_type'],
    ['case 36', 'nonsense', 'unsupported_content_type'],
    ['S15', 'application/json; charset=utf-16', 'unsupported_charset'],
    ['S15', 'application/json; charset=bogus', 'unsupported_charset'],
  ])('%s: refuses %s', async (_row, type, code) => {
    expect((await post('{}', { 'content-type': type })).code).toBe(code);
  });

  it('case 36: names the type in the dialect’s words', async () => {
    expect((await post('{}', { 'content-type': 'text/plain; charset=utf-8' })).message).toMatch(
      /^Unsupported content type: 'text\/plain'\. This API method only accepts 'application\/json' requests/,
    );
  });

  it('S15: repeats little of a header', async () => {
    const { message } = await post('{}', { 'content-type': `application/json; charset=${'x'.repeat(4000)}` });
    expect(message?.length).toBeLessThan(200);
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('case 104: inflates %s', async (encoding, compress) => {
    expect(await post(compress('{"a":1}'), encoded(encoding))).toEqual({ value: { a: 1 } });
  });

  it.each([
    ['S14: stops a bomb', gzipSync(Buffer.alloc(50 * maxBodyBytes, ' ')), 'gzip', 'request_too_large'],
    [
      'S14: stops a bomb',
      brotliCompressSync(Buffer.alloc(50 * maxBodyBytes, ' ')),
      'br',
      'request_too_large',
    ],
    ['S14: refuses zstd', zstdCompressSync('{}'), 'zstd', 'unsupported_encoding'],
    ['S14: refuses a chain', gzipSync('{}'), 'gzip, br', 'unsupported_encoding'],
    [
      'S14: refuses what is cut short',
      gzipSync('{"a":"bcdefgh"}').subarray(0, -9),
      'gzip',
      'body_unreadable',
    ],
    ['S14: refuses what is cut short', brotliCompressSync('{"a":1}').subarray(0, 4), 'br', 'body_unreadable'],
    ['S14: refuses what is not compressed', Buffer.from('{}'), 'gzip', 'body_unreadable'],
  ])('%s', async (_name, body, encoding, code) => {
    expect((await post(body, encoded(encoding))).code).toBe(code);
  });

  it('S16: refuses bytes that are no UTF-8', async () => {
    expect((await post(Buffer.from('{"a":"\xff"}', 'latin1'))).code).toBe('body_unreadable');
  });

  it('tolerates a byte order mark', async () => {
    expect(await post('\ufeff{"a":1}')).toEqual({ value: { a: 1 } });
  });

  it('case 8: refuses malformed JSON', async () => {
    expect((await post('{')).code).toBe('validation_failed');
  });

  it('S17: takes a body of exactly the limit', async () => {
    const body = JSON.stringify('x'.repeat(maxBodyBytes - 2));
    expect((await post(body)).value).toHaveLength(maxBodyBytes - 2);
  });

  it.each([1, maxBodyBytes / 2])(
    'S17: a client that sends %i bytes too many reads its 413 and may go on using the connection',
    async (excess) => {
      const body = Buffer.alloc(maxBodyBytes + excess, ' ');
      expect((await post(body)).code).toBe('request_too_large');
      expect(await post('{}')).toEqual({ value: {} });
    },
  );

  it('S17: refuses a body of announced gigabytes before it is sent', async () => {
    const socket = await open();
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000000\r\n\r\n');
    const reply = await text(socket);
    expect(reply).toMatch(/^connection: close/im);
    expect(reply).toContain('request_too_large');
  });

  it('S17: cuts off a chunked body that never ends', async () => {
    const socket = await open();
    const failed = nextOutcome();
    socket.on('error', () => undefined);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    let sent = 0;
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk)) sent += chunk.length;
    };
    socket.on('drain', pump);
    socket.resume();
    pump();
    expect(await failed).toMatchObject({ code: 'request_too_large' });
    await closed;
    expect(sent).toBeLessThan(50 * maxBodyBytes);
  });

  it.each([
    ['with a length', 'content-length: 100\r\n\r\n{"a":'],
    ['in chunks', 'transfer-encoding: chunked\r\n\r\n5\r\n{"a":\r\n'],
  ])('K7: tells that a client left while sending %s', async (_how, rest) => {
    const socket = await open();
    const failed = nextOutcome();
    socket.write(`POST / HTTP/1.1\r\nhost: x\r\n${rest}`);
    await setImmediate();
    socket.resetAndDestroy();
    expect(await failed).toBeInstanceOf(ClientGoneError);
  });

  it('reads a body that comes byte by byte', async () => {
    const socket = await open();
    socket.setNoDelay(true);
    socket.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n');
    for (const byte of Buffer.from('{"a":"é"}')) {
      socket.write(Buffer.of(byte));
      await setImmediate();
    }
    const [reply] = (await once(socket, 'data')) as [Buffer];
    expect(reply.toString()).toContain('{"value":{"a":"é"}}');
    socket.destroy();
  });

  async function open(): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  }
});

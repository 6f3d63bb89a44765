import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { type FakeRequest, type FakeRequestEnd, FakeResponse } from './fake-upstream-exchange.js';
import { json, type Reply, sse } from './fake-upstream-replies.js';
import {
  chatAnswer,
  chatChunks,
  completionAnswer,
  completionChunks,
  modelList,
} from './fake-upstream-wire.js';

/**
 * A model vendor on loopback: a real HTTP server that does what a test tells it, to the byte.
 *
 * ```ts
 * const upstream = await FakeUpstream.start();
 * upstream.enqueue(failure(500), sse(chatChunks('Hi')));       // the next request, then the one after
 * upstream.on('slow-model', sse(chatChunks(), { delayMs: 50 })); // every request for that model
 * …
 * expect((await upstream.nextRequest()).body['stream']).toBe(true);
 * await upstream.close();
 * ```
 * A request takes the queue first, then the reply of its model, then `otherwise`. Where nothing is scripted it gets a
 * plain good answer, streamed if it asked. Replies: `fake-upstream-replies.ts`; bodies: `fake-upstream-wire.ts`.
 */
export class FakeUpstream {
  /** In order of arrival. */
  readonly requests: FakeRequest[] = [];
  /** Connections accepted so far. */
  connections = 0;

  private readonly queue: Reply[] = [];
  private readonly byModel = new Map<string, Reply>();
  private fallback: Reply = goodAnswer;
  private readonly sockets = new Map<Socket, { id: number; requests: number }>();
  private readonly waiters: ((request: FakeRequest) => void)[] = [];
  private seen = 0;

  private constructor(private readonly server: Server) {
    server.keepAliveTimeout = 60_000;
    server.on('connection', (socket: Socket) => {
      this.connections += 1;
      this.sockets.set(socket, { id: this.connections, requests: 0 });
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.on('close', () => this.sockets.delete(socket));
    });
    server.on('request', (request, response) => void this.serve(request, response));
  }

  static async start(): Promise<FakeUpstream> {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeUpstream(server);
  }

  /** A base URL where nobody listens: connections are refused. */
  static async refused(): Promise<string> {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return `http://127.0.0.1:${port}/v1`;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** `http://127.0.0.1:<port>/v1` */
  get baseUrl(): string {
    return `http://127.0.0.1:${this.port}/v1`;
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  /** For the next requests in order, whatever they ask. */
  enqueue(...replies: Reply[]): this {
    this.queue.push(...replies);
    return this;
  }

  /** For every request whose body names this model, when the queue is empty. */
  on(model: string, reply: Reply): this {
    this.byModel.set(model, reply);
    return this;
  }

  /** For every other request. */
  otherwise(reply: Reply): this {
    this.fallback = reply;
    return this;
  }

  /** The oldest request that no call of this has given yet; waits for it. */
  async nextRequest(): Promise<FakeRequest> {
    const request = this.requests[this.seen];
    this.seen += 1;
    return request ?? new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Forgets scripts and requests, keeps connections: for `afterEach`. */
  clear(): void {
    this.requests.length = 0;
    this.seen = 0;
    this.queue.length = 0;
    this.byModel.clear();
    this.fallback = goodAnswer;
  }

  /** Closes every connection as a restart of the vendor would, and goes on listening. */
  dropConnections(): void {
    for (const socket of this.sockets.keys()) socket.destroy();
  }

  /** Destroys everything; safe to call twice. */
  async close(): Promise<void> {
    this.dropConnections();
    if (!this.server.listening) return;
    this.server.close();
    await once(this.server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private async serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const connection = this.sockets.get(incoming.socket);
    if (!connection) return;
    connection.requests += 1;
    const reused = connection.requests > 1;
    const rawBody = await readAll(incoming);
    if (rawBody === undefined) return;

    let end: FakeRequestEnd | undefined;
    let abortedAtMs: number | undefined;
    const closed = Promise.withResolvers<FakeRequestEnd>();
    outgoing.on('close', () => {
      end ??= outgoing.writableFinished ? 'finished' : 'aborted';
      if (end === 'aborted') abortedAtMs = performance.now();
      closed.resolve(end);
    });
    const response = new FakeResponse(outgoing, incoming.socket, () => {
      end ??= 'cut';
    });
    const request: FakeRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: parse(rawBody),
      rawBody,
      connection: connection.id,
      reused,
      receivedAtMs: performance.now(),
      get aborted() {
        return end === 'aborted';
      },
      get abortedAtMs() {
        return abortedAtMs;
      },
      closed: closed.promise,
      response,
    };
    this.requests.push(request);
    const waiter = this.waiters.shift();
    waiter?.(request);
    await this.replyTo(request)(response, request);
  }

  private replyTo(request: FakeRequest): Reply {
    return this.queue.shift() ?? this.byModel.get(String(request.body['model'])) ?? this.fallback;
  }
}

/** What a healthy vendor would say. */
function goodAnswer(response: FakeResponse, request: FakeRequest): void | Promise<void> {
  const model = String(request.body['model'] ?? 'fake-model');
  const stream = request.body['stream'] === true;
  const path = request.path.split('?')[0] ?? '';
  if (path.endsWith('/models')) return json(modelList('fake-model'))(response, request);
  if (path.endsWith('/chat/completions'))
    return stream
      ? sse(chatChunks(undefined, { model }))(response, request)
      : json(chatAnswer({ model }))(response, request);
  if (path.endsWith('/completions'))
    return stream
      ? sse(completionChunks(undefined, { model }))(response, request)
      : json(completionAnswer({ model }))(response, request);
  return json({ error: { message: `No such path: ${path}` } }, { status: 404 })(response, request);
}

/** `undefined` when the gateway left before its request was complete. */
async function readAll(incoming: IncomingMessage): Promise<string | undefined> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of incoming) pieces.push(piece as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(pieces).toString();
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}

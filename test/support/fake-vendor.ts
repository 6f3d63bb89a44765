import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request that the fake has seen. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  /** Tells connections apart. */
  readonly clientPort: number | undefined;
  /** Resolves when the caller's socket is gone. */
  readonly closed: Promise<void>;
}

export type Responder = (request: SeenRequest, response: ServerResponse) => void | Promise<void>;

/** A vendor's API as a real HTTP server on loopback: records what it is sent and answers as it is told to. */
export abstract class FakeVendor {
  readonly seen: SeenRequest[] = [];
  private readonly server = createServer((request, response) => void this.serve(request, response));
  private queue: Responder[] = [];
  private waiting: ((request: SeenRequest) => void)[] = [];

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers the next request so; what is not queued is the vendor's ordinary answer. */
  next(...responders: Responder[]): void {
    this.queue.push(...responders);
  }

  reset(): void {
    this.queue = [];
    this.waiting = [];
    this.seen.length = 0;
  }

  get last(): SeenRequest {
    const request = this.seen.at(-1);
    if (request === undefined) throw new Error('no request came');
    return request;
  }

  /** The next request, as soon as it has arrived whole. */
  arrival(): Promise<SeenRequest> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** The vendor's own checks and its answer when nothing was queued. */
  protected abstract respond(request: SeenRequest, response: ServerResponse): void;

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of incoming.setEncoding('utf8')) text += chunk;
    const request: SeenRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
      clientPort: incoming.socket.remotePort,
      closed: new Promise((resolve) => response.once('close', resolve)),
    };
    this.seen.push(request);
    for (const resolve of this.waiting.splice(0)) resolve(request);
    const responder = this.queue.shift();
    if (responder === undefined) this.respond(request, response);
    else await responder(request, response);
  }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

export function openStream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
}

/** Cuts the connection without the end of the answer. */
export function resetConnection(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** Answers nothing, for ever. */
export const silence: Responder = () => undefined;

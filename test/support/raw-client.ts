import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a connection ended: the server said goodbye, broke it off, or we did. */
export type RawEnd = 'fin' | 'reset' | 'ours';

export interface RawRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/**
 * A client below HTTP: one TCP connection, bytes in, bytes out, at the pace that the test sets.
 *
 * ```ts
 * const client = await RawClient.connect(tollgate.port);
 * client.send(httpRequest('/v1/chat/completions', { headers: { authorization: … }, body: … }));
 * await client.seen('"content":"Hello"');
 * client.reset();
 * ```
 */
export class RawClient {
  private readonly received: Buffer[] = [];
  private end: RawEnd | undefined;
  private readonly closed = Promise.withResolvers<RawEnd>();
  private readonly watchers = new Set<() => void>();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (read: Buffer) => {
      this.received.push(read);
      this.wake();
    });
    socket.on('end', () => this.settle('fin'));
    socket.on('error', () => this.settle('reset'));
    socket.on('close', () => this.settle('ours'));
  }

  static async connect(port: number): Promise<RawClient> {
    // Half-open: a FIN from the server must not close our side, and ours must not close theirs.
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Connects and asks at once. */
  static async ask(port: number, ...requests: (string | Buffer)[]): Promise<RawClient> {
    const client = await RawClient.connect(port);
    for (const request of requests) client.send(request);
    return client;
  }

  get bytesReceived(): number {
    return this.received.reduce((sum, { length }) => sum + length, 0);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.received);
  }

  /** Everything so far. */
  get text(): string {
    return this.bytes.toString();
  }

  /** Resolves when the server has closed its side, or the connection is gone. */
  get ended(): Promise<RawEnd> {
    return this.closed.promise;
  }

  get open(): boolean {
    return this.end === undefined;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** Waits until the text has come `times` times. Rejects when the connection ends before that. */
  async seen(text: string, times = 1): Promise<void> {
    for (;;) {
      if (this.text.split(text).length > times) return;
      if (this.end !== undefined) throw new Error(`ended (${this.end}) before ${text}: ${this.text}`);
      await new Promise<void>((resolve) => this.watchers.add(resolve));
    }
  }

  /** Stops taking bytes from the kernel: once its buffers are full, the server can send no more. */
  stopReading(): void {
    this.socket.pause();
  }

  readOn(): void {
    this.socket.resume();
  }

  /** Takes so many bytes now and then, until the connection ends; stop reading first. */
  async readSlowly(bytes: number, everyMs: number): Promise<void> {
    while (this.end === undefined) {
      // Comes in through 'data', as everything does. More than there is would give nothing at all.
      this.socket.read(Math.min(bytes, this.socket.readableLength));
      await sleep(everyMs);
    }
  }

  /** FIN: nothing more from us, but we still read. */
  halfClose(): void {
    this.socket.end();
  }

  /** FIN, and we read no more: what a process does that closes its socket. */
  close(): void {
    this.socket.destroy();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  private settle(end: RawEnd): void {
    if (this.end !== undefined) return;
    this.end = end;
    this.closed.resolve(end);
    this.wake();
  }

  private wake(): void {
    for (const watcher of this.watchers) watcher();
    this.watchers.clear();
  }
}

/** A request as bytes; an object as JSON. `headers` overrule. */
export function httpRequest(path: string, { method = 'POST', headers = {}, body }: RawRequest = {}): string {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const all: Record<string, string> = {
    host: 'gateway.test',
    ...(body === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`;
}

/** The body of an answer in chunks, as far as it has come, without the framing. */
export function chunkedBody(answer: Buffer): string {
  const pieces: Buffer[] = [];
  let at = answer.indexOf('\r\n\r\n') + 4;
  for (;;) {
    const lineEnd = answer.indexOf('\r\n', at);
    const size = lineEnd === -1 ? 0 : Number.parseInt(answer.toString('latin1', at, lineEnd), 16);
    if (size === 0) return Buffer.concat(pieces).toString();
    pieces.push(answer.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
}

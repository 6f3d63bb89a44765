/** One request to a `FakeUpstream` and the answer it gets: what tests look at, and what replies write with. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';

export type LineEnd = '\n' | '\r\n' | '\r';

/** What happens after the last byte: end as HTTP wants it, RST, FIN in mid-body, or silence for ever. */
export type Ending = 'clean' | 'reset' | 'hang-up' | 'stall';

/** How a request ended: answered to the last byte, left by the gateway, or cut by our own script. */
export type FakeRequestEnd = 'finished' | 'aborted' | 'cut';

/** One request as the vendor saw it. */
export interface FakeRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; `{}` where there was none. */
  readonly body: Record<string, unknown>;
  readonly rawBody: string;
  /** Number of the connection, from 1. */
  readonly connection: number;
  /** True when that connection had carried another request before. */
  readonly reused: boolean;
  /** `performance.now()` when the request was complete. */
  readonly receivedAtMs: number;
  /** True once the gateway has gone before the answer was complete. */
  readonly aborted: boolean;
  /** `performance.now()` when it went. */
  readonly abortedAtMs: number | undefined;
  /** Resolves when the answer is complete or the connection is closed. */
  readonly closed: Promise<FakeRequestEnd>;
  /** The answer that the script is writing, for `bytesSent`. */
  readonly response: FakeResponse;
}

/** The vendor's side of one answer, byte by byte. Everything is a no-op once the gateway has gone. */
export class FakeResponse {
  /** Bytes of body handed to the socket; stops growing while the gateway does not read. */
  bytesSent = 0;

  constructor(
    private readonly response: ServerResponse,
    private readonly socket: Socket,
    private readonly onCut: () => void,
  ) {}

  /** True once the gateway has closed the connection, or we have. */
  get gone(): boolean {
    return this.response.destroyed || this.socket.destroyed;
  }

  /** Sends the head at once, not with the first byte of the body. */
  head(status = 200, headers: OutgoingHttpHeaders = {}): void {
    if (this.gone) return;
    this.response.writeHead(status, headers);
    this.response.flushHeaders();
  }

  /** One write is one HTTP chunk (unless the head has a content-length). Waits while the gateway does not read. */
  async write(data: string | Uint8Array): Promise<void> {
    if (this.gone) return;
    this.bytesSent += Buffer.byteLength(data);
    if (this.response.write(data)) return;
    const waiting = new AbortController();
    await Promise.race([
      once(this.response, 'drain', { signal: waiting.signal }),
      once(this.response, 'close', { signal: waiting.signal }),
    ]).catch(() => undefined);
    waiting.abort();
  }

  /** One SSE event: an object as JSON, a string as it is. */
  async event(data: unknown, newline: LineEnd = '\n'): Promise<void> {
    await this.write(toEvent(data, newline));
  }

  /** Bytes on the socket, past HTTP: for answers that are not HTTP at all. */
  raw(data: string | Uint8Array): void {
    if (!this.gone) this.socket.write(data);
  }

  end(data?: string | Uint8Array): void {
    if (!this.gone) this.response.end(data);
  }

  /** RST. What was written but not yet sent is lost, as in life. */
  reset(): void {
    this.onCut();
    this.socket.resetAndDestroy();
  }

  /** FIN without the end of the body. */
  hangUp(): void {
    this.onCut();
    this.socket.destroySoon();
  }

  /** Lets the kernel send what was written: before a `reset()` that must come after it. */
  async flushed(): Promise<void> {
    while (!this.gone && this.socket.writableLength > 0) await turn();
    await turn();
  }

  async finish(ending: Ending): Promise<void> {
    if (ending === 'clean') return this.end();
    if (ending === 'stall') return undefined;
    await this.flushed();
    return ending === 'reset' ? this.reset() : this.hangUp();
  }
}

export function toEvent(data: unknown, newline: LineEnd): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `data: ${text}${newline}${newline}`;
}

import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import type { Dispatcher } from 'undici';
import { attemptAborted, badResponse, deadlinePassed, endedEarly } from '../upstream-failures.js';
import { UpstreamError } from '../upstream.errors.js';
import { contentDecoder } from './content-decoder.js';
import type { LargeAnswers, Seat } from './large-answers.js';
import { MAX_ANSWER_BYTES, SMALL_ANSWER_BYTES } from './limits.js';
import { type AttemptPhase, errorFromTransport, isClosedConnection } from './transport-errors.js';

/** After the last event the end of the HTTP body is awaited so long and so far, to keep the connection alive. */
const LINGER_MS = 1_000;
const MAX_LINGER_BYTES = 64 * 1024;

export interface HttpRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body?: string;
}

export interface ResponseHead {
  /** 200 or more: interim answers are skipped, redirects are not followed. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** Takes a body in order. Whatever it throws ends the exchange. */
export interface BodyReader {
  read(bytes: Buffer): void;
  end(): void;
}

export interface ExchangeListener {
  /** The head is there, of whatever status; the reader that this gives gets the body, decompressed. */
  onHead(head: ResponseHead, exchange: HttpExchange): BodyReader;
  /** The exchange has failed. At most once; nothing comes after it. */
  onFailure(error: UpstreamError): void;
}

/** The connection that carries an exchange. */
export interface Connection {
  /** Counts one more request; true when it is not the first on this socket. */
  use(): boolean;
}

/** What an exchange needs of its client. */
export interface ExchangeTransport {
  /** Sends a request on a connection of its own. */
  dispatchFresh(options: Dispatcher.DispatchOptions, exchange: HttpExchange): void;
  readonly largeAnswers: LargeAnswers;
}

/**
 * One attempt at an upstream: request, head, body, and whatever cuts it short. Holds one timer, armed by who uses it.
 * Ends in exactly one of: the body reader's `end()` or `release()`, `onFailure`, or silence after `abort()`.
 *
 * undici's `dispatch` interface rather than `request`: no stream object stands between socket and reader, so a read
 * costs one call and `pause()` reaches the socket.
 */
export class HttpExchange implements Dispatcher.DispatchHandler {
  /** Set by the client that takes the request. */
  connection: Connection | undefined;

  private controller: Dispatcher.DispatchController | undefined;
  private reader: BodyReader | undefined;
  private decoder: Transform | undefined;
  private timer: NodeJS.Timeout | undefined;
  private timerName = '';
  private silenceMs = 0;
  private phase: AttemptPhase = 'connecting';
  private state: 'open' | 'lingering' | 'closed' = 'open';
  private paused = false;
  private keptBytes = 0;
  /** Of an answer that is becoming large. */
  private seat: Seat | undefined;
  private onReusedSocket = false;
  private answerBegun = false;
  private retried = false;
  private lingered = 0;
  private framed = true;

  constructor(
    private readonly options: Dispatcher.DispatchOptions,
    private readonly listener: ExchangeListener,
    private readonly transport: ExchangeTransport,
  ) {}

  /** Whether nothing but the close of the connection tells where the body ends. Known when the head is there. */
  get endsByClose(): boolean {
    return !this.framed;
  }

  /** Fails as `upstream_timeout` in `timeoutMs` from now. Replaces the deadline or silence before. */
  deadline(timeoutMs: number, name: string): void {
    this.silenceMs = 0;
    this.arm(timeoutMs, name);
  }

  /** Fails as `upstream_timeout` when `silenceMs` pass without a byte; the time while paused does not count. */
  silence(silenceMs: number, name: string): void {
    this.silenceMs = silenceMs;
    this.arm(silenceMs, name);
    if (this.held) this.disarm();
  }

  /**
   * For a reader that keeps the body in memory: counts so many bytes more. An answer that becomes large is read on only
   * when it may be.
   * @throws UpstreamError upstream_bad_response beyond `MAX_ANSWER_BYTES`
   */
  keep(byteCount: number): void {
    this.keptBytes += byteCount;
    if (this.keptBytes > MAX_ANSWER_BYTES) throw badResponse('the answer is too large');
    if (this.keptBytes <= SMALL_ANSWER_BYTES || this.seat !== undefined) return;
    this.seat = this.transport.largeAnswers.enter(() => {
      if (this.state === 'open' && !this.paused) this.readOn();
    });
    if (!this.seat.taken && !this.paused) this.stopReading();
  }

  /** Stops reading from the socket, so that the upstream is held back. */
  pause(): void {
    if (this.state !== 'open' || this.paused) return;
    this.paused = true;
    if (!this.seatless) this.stopReading();
  }

  resume(): void {
    if (this.state !== 'open' || !this.paused) return;
    this.paused = false;
    if (!this.seatless) this.readOn();
  }

  /**
   * The reader has all that it wants. The rest of the body is drained, for a moment, so that the connection can be used
   * again: closing it after every stream would cost a new TLS handshake each.
   */
  release(): void {
    if (this.state !== 'open') return;
    this.state = 'lingering';
    this.reader = undefined;
    this.silenceMs = 0;
    this.arm(LINGER_MS, 'linger');
    if (this.held) this.controller?.resume();
  }

  /** Closes the connection and tells the listener why. */
  fail(error: UpstreamError): void {
    if (this.state !== 'open') return;
    this.close(error);
    this.listener.onFailure(error);
  }

  /** Closes the connection and tells nobody. No-op after the end. */
  abort(): void {
    if (this.state === 'open') this.close(attemptAborted());
  }

  // The rest is called by undici.

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Left while waiting for a connection. Thrown, not aborted: an abort would close a connection that is in order.
    if (this.state === 'closed') throw attemptAborted();
    this.controller = controller;
    this.phase = 'sent';
    this.onReusedSocket = this.connection?.use() ?? false;
  }

  onResponseStarted(): void {
    this.answerBegun = true;
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200 || this.state !== 'open') return;
    this.phase = 'answering';
    this.framed = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    this.guard(() => {
      this.reader = this.listener.onHead({ status, headers }, this);
      if (this.state === 'open') this.decoder = contentDecoder(headers['content-encoding']);
      if (this.decoder) this.readDecoded(this.decoder);
    });
  }

  onResponseData(_: Dispatcher.DispatchController, bytes: Buffer): void {
    if (this.silenceMs > 0) this.timer?.refresh();
    if (this.state === 'lingering') {
      this.lingered += bytes.length;
      if (this.lingered > MAX_LINGER_BYTES) this.close(attemptAborted());
    } else if (!this.decoder) {
      this.read(bytes);
    } else if (!this.decoder.write(bytes)) {
      this.controller?.pause();
    }
  }

  onResponseEnd(): void {
    // The connection is another exchange's now.
    this.controller = undefined;
    if (this.decoder && this.state === 'open') this.decoder.end();
    else this.end();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (this.state === 'lingering') {
      this.close(error);
    } else if (this.state === 'open') {
      if (this.mayRetry(error)) this.retry();
      else this.fail(errorFromTransport(error, this.phase));
    }
  }

  /** U4: the upstream closed an idle connection just as we took it. Once, and never after a byte of an answer. */
  private mayRetry(error: Error): boolean {
    return this.onReusedSocket && !this.retried && !this.answerBegun && isClosedConnection(error);
  }

  private retry(): void {
    this.retried = true;
    this.controller = undefined;
    this.connection = undefined;
    this.transport.dispatchFresh(this.options, this);
  }

  private read(bytes: Buffer): void {
    const { reader } = this;
    if (!reader) return;
    try {
      reader.read(bytes);
    } catch (error) {
      this.fail(toUpstreamError(error));
    }
  }

  private end(): void {
    const { reader } = this;
    const wasOpen = this.state === 'open';
    if (wasOpen && reader) this.guard(() => reader.end());
    // A reader that threw has closed the exchange already.
    this.state = 'closed';
    this.cleanUp();
  }

  private readDecoded(decoder: Transform): void {
    decoder.on('data', (bytes: Buffer) => this.read(bytes));
    decoder.on('end', () => this.end());
    decoder.on('error', (error: NodeJS.ErrnoException) =>
      // Its end is missing.
      this.fail(endedEarly('content-encoding', this.endsByClose && error.code === 'Z_BUF_ERROR')),
    );
    decoder.on('drain', () => {
      if (!this.held) this.controller?.resume();
    });
  }

  private get held(): boolean {
    return this.paused || this.seatless;
  }

  private get seatless(): boolean {
    return this.seat?.taken === false;
  }

  private stopReading(): void {
    this.decoder?.pause();
    this.controller?.pause();
    if (this.silenceMs > 0) this.disarm();
  }

  private readOn(): void {
    if (this.silenceMs > 0) this.arm(this.silenceMs, this.timerName);
    this.decoder?.resume();
    this.controller?.resume();
  }

  private guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.fail(toUpstreamError(error));
    }
  }

  private arm(timeoutMs: number, name: string): void {
    if (this.state === 'closed') return;
    clearTimeout(this.timer);
    this.timerName = name;
    this.timer = setTimeout(HttpExchange.expire, timeoutMs, this);
  }

  private disarm(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private static expire(exchange: HttpExchange): void {
    if (exchange.state === 'lingering') exchange.close(attemptAborted());
    else exchange.fail(deadlinePassed(exchange.timerName, exchange.phase !== 'connecting'));
  }

  private close(reason: Error): void {
    this.state = 'closed';
    this.cleanUp();
    this.controller?.abort(reason);
  }

  private cleanUp(): void {
    this.disarm();
    this.seat?.leave();
    this.seat = undefined;
    this.reader = undefined;
    this.decoder?.destroy();
    // A request that still waits for a connection keeps its place in undici's queue, but need not keep its body.
    this.options.body = null;
  }
}

function toUpstreamError(error: unknown): UpstreamError {
  return error instanceof UpstreamError ? error : badResponse('unreadable', { cause: error });
}

import type { BodyReader, HttpExchange, ResponseHead } from '../../http/http-exchange.js';
import { MAX_ERROR_BODY_BYTES } from '../../http/limits.js';
import { badResponse } from '../../upstream-failures.js';
import { EventMeter } from './event-meter.js';

/** Longest event of a stream that we take in: the packages' parser would buffer without end. */
const MAX_EVENT_BYTES = 16 * 1024 * 1024;
/** Bytes that may wait to be read before the upstream is held back. */
const READ_AHEAD_BYTES = 64 * 1024;

const BODILESS_STATUSES: readonly number[] = [204, 205, 304];

/** An answer as `fetch` gives it, fed by an exchange and holding that back while nobody reads. */
export class WebBody implements BodyReader {
  /** A body that breaks off, or is too large, errors with an UpstreamError. */
  readonly response: Response;

  private readonly failed: boolean;
  private readonly events: EventMeter | undefined;
  private receivedBytes = 0;
  private controller!: ReadableStreamDefaultController<Uint8Array>;

  /** @throws RangeError for a status that `Response` does not know */
  constructor(
    { status, headers }: ResponseHead,
    private readonly exchange: HttpExchange,
  ) {
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.controller = controller;
        },
        pull: () => exchange.resume(),
        cancel: () => exchange.abort(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD_BYTES }),
    );
    this.response = new Response(BODILESS_STATUSES.includes(status) ? null : stream, {
      status,
      headers: webHeaders(headers),
    });
    this.failed = status >= 300;
    if (!this.failed && String(headers['content-type']).startsWith('text/event-stream'))
      this.events = new EventMeter();
  }

  read(bytes: Buffer): void {
    const room = MAX_ERROR_BODY_BYTES - this.receivedBytes;
    this.receivedBytes += bytes.length;
    if (this.failed && bytes.length > room) {
      this.controller.enqueue(bytes.subarray(0, room));
      this.end();
      this.exchange.release();
      return;
    }
    this.count(bytes);
    this.controller.enqueue(bytes);
    if ((this.controller.desiredSize ?? 0) <= 0) this.exchange.pause();
  }

  end(): void {
    this.controller.close();
  }

  fail(error: Error): void {
    this.controller.error(error);
  }

  /** The package holds the event that has no end yet, or all of a whole answer. */
  private count(bytes: Buffer): void {
    if (this.events === undefined) this.exchange.keep(bytes.length);
    else if (this.events.add(bytes) > MAX_EVENT_BYTES) throw badResponse('an event is too large');
  }
}

function webHeaders(headers: ResponseHead['headers']): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    // The body is decoded already.
    if (value === undefined || name === 'content-encoding' || name === 'content-length') continue;
    for (const one of [value].flat()) result.append(name, one);
  }
  return result;
}

/**
 * What a `FakeUpstream` can do to one request. A `Reply` is a plain function, so anything that is not here can be
 * written in the test: `async (response) => { response.head(200); response.write('{'); response.reset(); }`.
 */
import type { OutgoingHttpHeaders } from 'node:http';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import {
  type Ending,
  type FakeRequest,
  type FakeResponse,
  type LineEnd,
  toEvent,
} from './fake-upstream-exchange.js';
import { wireError } from './fake-upstream-wire.js';

export type Reply = (response: FakeResponse, request: FakeRequest) => void | Promise<void>;

export type ContentEncoding = 'gzip' | 'deflate' | 'br';

export interface BodyOptions {
  status?: number;
  headers?: OutgoingHttpHeaders;
  /** Compress although nobody asked. */
  encoding?: ContentEncoding;
}

export interface SseOptions {
  status?: number;
  headers?: OutgoingHttpHeaders;
  newline?: LineEnd;
  /** Cut the stream into HTTP chunks of so many bytes, wherever that falls; default: one chunk an event. */
  writeBytes?: number;
  /** Wait so long before each event. */
  delayMs?: number;
  /** End with `data: [DONE]`; default true. */
  done?: boolean;
  ending?: Ending;
  encoding?: ContentEncoding;
  /** Sent first, as it is: a BOM, comments. */
  prelude?: string;
}

/** A JSON answer with a content-length. */
export function json(body: unknown, options: BodyOptions = {}): Reply {
  return raw(JSON.stringify(body), {
    ...options,
    headers: { 'content-type': 'application/json', ...options.headers },
  });
}

/** Any bytes as a whole body, with a content-length. */
export function raw(body: string | Uint8Array, options: BodyOptions = {}): Reply {
  const payload = options.encoding ? compress(body, options.encoding) : body;
  return (response) => {
    response.head(options.status ?? 200, {
      'content-length': Buffer.byteLength(payload),
      ...(options.encoding && { 'content-encoding': options.encoding }),
      ...options.headers,
    });
    response.end(payload);
  };
}

/** An error status with OpenAI's error body. */
export function failure(
  status: number,
  message = 'Something the client must not see.',
  fields: Parameters<typeof wireError>[1] & { headers?: OutgoingHttpHeaders } = {},
): Reply {
  const { headers, ...error } = fields;
  return json(wireError(message, error), { status, ...(headers && { headers }) });
}

/** A stream of events: objects as JSON, strings as they are. */
export function sse(events: readonly unknown[], options: SseOptions = {}): Reply {
  const { newline = '\n', done = true, ending = 'clean', delayMs, writeBytes, encoding, prelude } = options;
  const frames = [...events, ...(done ? ['[DONE]'] : [])].map((event) => toEvent(event, newline));
  if (prelude !== undefined) frames.unshift(prelude);
  return async (response) => {
    response.head(options.status ?? 200, {
      'content-type': 'text/event-stream; charset=utf-8',
      ...(encoding && { 'content-encoding': encoding }),
      ...options.headers,
    });
    let writes: Iterable<string | Uint8Array> = frames;
    if (encoding) writes = [compress(frames.join(''), encoding)];
    if (writeBytes !== undefined) writes = cut(encoding ? [...writes][0]! : frames.join(''), writeBytes);
    for (const write of writes) {
      if (delayMs !== undefined) await sleep(delayMs, undefined, { ref: false });
      if (response.gone) return;
      await response.write(write);
    }
    await response.finish(ending);
  };
}

/** Reads the request and never says a word. */
export function stall(): Reply {
  return () => undefined;
}

/** RST after the whole request was read, before the head of the answer. */
export function resetBeforeHead(): Reply {
  return (response) => response.reset();
}

/** A content-length of the whole body, `sentBytes` of it, and then `ending`. */
export function truncated(
  body: string,
  sentBytes: number,
  ending: Exclude<Ending, 'clean'> = 'hang-up',
): Reply {
  return async (response) => {
    response.head(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
    await response.write(Buffer.from(body).subarray(0, sentBytes));
    await response.finish(ending);
  };
}

export function redirect(location: string, status = 302): Reply {
  return raw('', { status, headers: { location } });
}

/** Bytes that are not HTTP. */
export function garbage(text = 'SSH-2.0-OpenSSH_9.2\r\n'): Reply {
  return (response) => response.raw(text);
}

/** The same event for ever, as fast as the gateway reads (or every `everyMs`). */
export function endless(event: unknown, everyMs?: number): Reply {
  return async (response) => {
    response.head(200, { 'content-type': 'text/event-stream' });
    while (!response.gone) {
      await response.event(event);
      await (everyMs === undefined ? turn() : sleep(everyMs, undefined, { ref: false }));
    }
  };
}

/** Waits, then replies. */
export function delayed(delayMs: number, reply: Reply): Reply {
  return async (response, request) => {
    await sleep(delayMs, undefined, { ref: false });
    await reply(response, request);
  };
}

/**
 * A stream that the test drives: `const live = controlled(); upstream.enqueue(live.reply); …;
 * await live.event(chunk); live.reset()`. The head is sent when the request arrives.
 */
export function controlled(
  headers: OutgoingHttpHeaders = { 'content-type': 'text/event-stream' },
): ControlledReply {
  return new ControlledReply(headers);
}

export class ControlledReply {
  private readonly arrival = Promise.withResolvers<FakeResponse>();
  readonly reply: Reply = (response) => {
    response.head(200, this.headers);
    this.arrival.resolve(response);
  };

  constructor(private readonly headers: OutgoingHttpHeaders) {}

  /** Resolves when the request is there and the head is sent. */
  get opened(): Promise<FakeResponse> {
    return this.arrival.promise;
  }

  async event(data: unknown): Promise<void> {
    await (await this.opened).event(data);
  }

  async write(text: string): Promise<void> {
    await (await this.opened).write(text);
  }

  /** Ends the answer; with `[DONE]` before a clean end, unless told otherwise. */
  async end(ending: Ending = 'clean', done = ending === 'clean'): Promise<void> {
    const response = await this.opened;
    if (done) await response.event('[DONE]');
    await response.finish(ending);
  }
}

function* cut(body: string | Uint8Array, size: number): Generator<Uint8Array> {
  const whole = Buffer.from(body);
  for (let at = 0; at < whole.length; at += size) yield whole.subarray(at, at + size);
}

function compress(body: string | Uint8Array, encoding: ContentEncoding): Buffer {
  if (encoding === 'gzip') return gzipSync(body);
  return encoding === 'br' ? brotliCompressSync(body) : deflateSync(body);
}

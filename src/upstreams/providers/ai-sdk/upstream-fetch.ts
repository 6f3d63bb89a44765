import { pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher, Pool } from 'undici';
import { UpstreamError } from '../../upstream.errors.js';
import type { AttemptDeadline } from './attempt-deadline.js';
import { toNetworkError } from './network-error.js';

/** Largest whole answer, and longest line of a stream, that we take in: the packages would buffer 2 GiB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_LINE_BYTES = 16 * 1024 * 1024;

const NEWLINE = 0x0a;
const BODILESS_STATUSES: readonly number[] = [204, 205, 304];
const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/**
 * `fetch` as the AI SDK packages call it, for one attempt: over the upstream's own pool of sockets, under the attempt's
 * deadlines, without redirects (our key would follow them) and without retries. Reads on only when asked to, so a slow
 * client slows the upstream.
 *
 * @throws UpstreamError for everything that goes wrong on the wire, from `fetch` as from the body
 */
export function upstreamFetch(
  pool: Pool,
  origin: string,
  deadline: AttemptDeadline,
): typeof globalThis.fetch {
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    // The pool is bound to the origin; a package that asks for another one would get our key sent to the wrong path.
    if (url.origin !== origin) {
      throw new UpstreamError('upstream_bad_response', "The model's provider could not be used.");
    }
    let answer: Dispatcher.ResponseData;
    try {
      answer = await pool.request({
        path: url.pathname + url.search,
        method: init.method ?? 'GET',
        headers: { ...Object.fromEntries(new Headers(init.headers)), 'accept-encoding': 'identity' },
        body: typeof init.body === 'string' ? init.body : null,
        signal: deadline.signal,
        // The attempt's own deadlines hold instead.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : toNetworkError(error, 'request');
    }
    return toResponse(answer, deadline);
  };
}

function toResponse(
  { statusCode, headers, body }: Dispatcher.ResponseData,
  deadline: AttemptDeadline,
): Response {
  const init = { status: statusCode, headers: webHeaders(headers) };
  if (statusCode > 599 || BODILESS_STATUSES.includes(statusCode)) {
    body.destroy();
    if (statusCode > 599) throw toNetworkError(new Error(`status ${statusCode}`), 'answer');
    return new Response(null, init);
  }
  const limit = byteLimit(headers['content-type']);
  return new Response(toWebStream(decoded(body, headers['content-encoding']), limit, deadline), init);
}

/** Asked for identity, some upstreams compress all the same (U25). */
function decoded(body: Readable, encoding: string | string[] | undefined): Readable {
  const name = String(encoding ?? 'identity').toLowerCase();
  if (!Object.hasOwn(DECODERS, name)) return body;
  // Without a listener of its own a failing pipeline throws in the void; the reader sees the error anyway.
  return pipeline(body, DECODERS[name as keyof typeof DECODERS](), () => undefined);
}

/** Counts what has to be held in memory at once. @throws Error when it is too much */
type ByteLimit = (chunk: Uint8Array) => void;

function byteLimit(contentType: string | string[] | undefined): ByteLimit {
  const lines = String(contentType).startsWith('text/event-stream');
  const max = lines ? MAX_LINE_BYTES : MAX_ANSWER_BYTES;
  let held = 0;
  return (chunk) => {
    const newline = lines ? chunk.lastIndexOf(NEWLINE) : -1;
    held = newline < 0 ? held + chunk.length : chunk.length - newline - 1;
    if (held > max) throw new Error(`more than ${max} bytes in one ${lines ? 'line' : 'answer'}`);
  };
}

function toWebStream(
  body: Readable,
  limit: ByteLimit,
  deadline: AttemptDeadline,
): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          deadline.reading();
          const { done, value } = await chunks.next();
          deadline.heard();
          if (done === true) return controller.close();
          limit(value);
          controller.enqueue(value);
        } catch (error) {
          body.destroy();
          controller.error(
            deadline.signal.aborted ? deadline.signal.reason : toNetworkError(error, 'answer'),
          );
        }
      },
      cancel() {
        body.destroy();
      },
    },
    // Nothing is read ahead of demand.
    { highWaterMark: 0 },
  );
}

function webHeaders(headers: Record<string, string | string[] | undefined>): Headers {
  const result = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name === 'content-encoding' || name === 'content-length') continue;
    for (const one of Array.isArray(value) ? value : [value]) result.append(name, one);
  }
  return result;
}

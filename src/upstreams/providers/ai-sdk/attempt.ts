import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { HttpClient } from '../../http/http-client.js';
import type { HttpExchange, HttpRequest } from '../../http/http-exchange.js';
import { attemptAborted, badResponse } from '../../upstream-failures.js';
import { WebBody } from './web-body.js';

/**
 * One attempt at a vendor: the one request that its package makes, with its deadlines and its off-switch.
 *
 * A whole answer has `totalMs`. A stream has the shorter of `firstTokenMs` and `totalMs` until it `begins()`; after
 * that it may last as long as it is never silent for `betweenChunksMs` (U26).
 */
export class Attempt {
  private exchange: HttpExchange | undefined;
  private aborted = false;

  /** @param origin that of `client`: a package that asks for another would get our key sent to the wrong path */
  constructor(
    private readonly client: HttpClient,
    private readonly origin: string,
    private readonly kind: 'whole' | 'stream',
    private readonly timeouts: UpstreamTimeouts,
  ) {}

  /**
   * `fetch` as the packages call it: over the upstream's own pool of sockets, without redirects (our key would follow
   * them). The body is read on only when asked for, so a slow client slows the upstream.
   *
   * @throws UpstreamError for everything that goes wrong on the wire, from here as from the body
   */
  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    if (this.aborted) throw attemptAborted();
    const url = new URL(input instanceof Request ? input.url : input);
    if (url.origin !== this.origin) throw badResponse('the package asked for another origin');
    return this.send({
      method: init.method === 'POST' ? 'POST' : 'GET',
      path: url.pathname + url.search,
      headers: wireHeaders(init.headers),
      ...(typeof init.body === 'string' && { body: init.body }),
    });
  };

  /** Whether nothing but the close of the connection tells where the body ends. */
  get endsByClose(): boolean {
    return this.exchange?.endsByClose === true;
  }

  /** The first event of a stream is there. */
  begins(): void {
    this.exchange?.silence(this.timeouts.betweenChunksMs, 'between chunks');
  }

  /** All of a stream that matters is there: its socket may serve again. */
  finish(): void {
    this.exchange?.release();
  }

  /** Stops the attempt, whose result nobody reads. Without effect on one that has ended. */
  abort(): void {
    this.aborted = true;
    this.exchange?.fail(attemptAborted());
  }

  private send(request: HttpRequest): Promise<Response> {
    const { firstTokenMs, totalMs } = this.timeouts;
    return new Promise<Response>((resolve, reject) => {
      let body: WebBody | undefined;
      this.exchange = this.client.start(request, {
        onHead: (head, exchange) => {
          const answering = new WebBody(head, exchange);
          resolve(answering.response);
          body = answering;
          return answering;
        },
        onFailure: (error) => (body === undefined ? reject(error) : body.fail(error)),
      });
      if (this.kind === 'whole') this.exchange.deadline(totalMs, 'total');
      else this.exchange.deadline(Math.min(firstTokenMs, totalMs), 'first token');
    });
  }
}

/** The package's own headers; which package it is, and in which version, is nobody's business. */
function wireHeaders(given: RequestInit['headers']): string[] {
  const headers = new Headers(given);
  headers.set('user-agent', 'tollgate');
  // Decompressing costs more than the bytes do, and a compressor in between would hold events back.
  headers.set('accept-encoding', 'identity');
  return [...headers].flat();
}

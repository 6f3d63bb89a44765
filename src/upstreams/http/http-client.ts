import { Client, type Dispatcher, Pool } from 'undici';
import {
  type Connection,
  type ExchangeListener,
  type ExchangeTransport,
  HttpExchange,
  type HttpRequest,
} from './http-exchange.js';
import { LargeAnswers } from './large-answers.js';
import { LARGE_ANSWERS_AT_ONCE } from './limits.js';

const KEEP_ALIVE_MS = 30_000;

export interface HttpClientOptions {
  readonly origin: string;
  /** Most sockets at a time; requests beyond wait, within their own deadline. */
  readonly maxConnections: number;
  /** DNS, TCP and TLS together. */
  readonly connectMs: number;
}

/** A bounded pool of HTTP/1.1 keep-alive connections to one origin. Follows no redirect and knows no proxy. */
export class HttpClient implements ExchangeTransport {
  readonly largeAnswers = new LargeAnswers(LARGE_ANSWERS_AT_ONCE);

  private readonly pool: Pool;
  private readonly clientOptions: Client.Options;
  private readonly freshClients = new Set<Client>();

  constructor(private readonly options: HttpClientOptions) {
    this.clientOptions = {
      // One request a socket: a stream must not hold up another's head, and a pause must stop one stream only (so no
      // HTTP/2 either).
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // 0: off. The exchange has deadlines of its own, which know a slow model from a dead one.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: options.connectMs },
    };
    this.pool = new Pool(options.origin, {
      ...this.clientOptions,
      connections: options.maxConnections,
      factory: (origin, clientOptions) => new CountingClient(origin, clientOptions),
    });
  }

  /** Sends, or queues. The listener may be called before this returns. */
  start(request: HttpRequest, listener: ExchangeListener): HttpExchange {
    const options: Dispatcher.DispatchOptions = { ...request };
    const exchange = new HttpExchange(options, listener, this);
    this.pool.dispatch(options, exchange);
    return exchange;
  }

  /** Takes no more requests; resolves when those under way have ended and every connection is closed. */
  async close(): Promise<void> {
    await this.pool.close();
    // Retries of what the pool had begun.
    await Promise.all([...this.freshClients].map((client) => client.close()));
  }

  /** Closes every connection now; exchanges under way fail. */
  async destroy(): Promise<void> {
    await Promise.all([this.pool.destroy(), ...[...this.freshClients].map((client) => client.destroy())]);
  }

  /** The pool would offer another kept-alive socket, as stale as the last: a retry gets a client of its own. */
  dispatchFresh(request: Dispatcher.DispatchOptions, exchange: HttpExchange): void {
    const client = new CountingClient(this.options.origin, this.clientOptions);
    this.freshClients.add(client);
    client.dispatch(request, exchange);
    // Takes no more requests, and goes when this one has ended.
    const forget = (): boolean => this.freshClients.delete(client);
    void client.close().then(forget, forget);
  }
}

/** Tells each exchange whether its socket has carried another before: only then may a reset be retried (U4, U5). */
class CountingClient extends Client implements Connection {
  private requestsOnSocket = 0;

  constructor(origin: string | URL, options: Client.Options) {
    super(origin, options);
    this.on('connect', () => {
      this.requestsOnSocket = 0;
    });
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    if (handler instanceof HttpExchange) handler.connection = this;
    return super.dispatch(options, handler);
  }

  use(): boolean {
    this.requestsOnSocket += 1;
    return this.requestsOnSocket > 1;
  }
}

import type { Subscriber } from 'rxjs';
import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import type { BodyReader, ExchangeListener, HttpExchange, ResponseHead } from '../../http/http-exchange.js';
import { badResponse } from '../../upstream-failures.js';
import type { UpstreamError } from '../../upstream.errors.js';
import { ChunkBody, type ChunkConsumer } from './chunk-body.js';
import type { AnyChunk, Endpoint } from './endpoint.js';
import { ErrorBody } from './error-body.js';
import type { ErrorContext } from './errors.js';
import type { FinishReasonReader } from './finish-reason.js';
import { JsonBody } from './json-body.js';
import { objectOf } from './json-value.js';
import { isJson, mediaType } from './media-type.js';

/** Listens to an exchange that should bring a stream, and carries it to a subscriber at the subscriber's pace. */
export class StreamCall<Answer, Chunk extends AnyChunk> implements ExchangeListener, ChunkConsumer<Chunk> {
  private exchange: HttpExchange | undefined;
  private begun = false;
  private held = false;

  constructor(
    private readonly endpoint: Endpoint<Answer, Chunk>,
    private readonly finishReason: FinishReasonReader,
    private readonly errorContext: () => ErrorContext,
    private readonly timeouts: UpstreamTimeouts,
    private readonly flow: FlowGate,
    private readonly subscriber: Subscriber<Chunk>,
  ) {}

  onHead(head: ResponseHead, exchange: HttpExchange): BodyReader {
    if (head.status >= 300) return new ErrorBody(head, this.errorContext);
    this.exchange = exchange;
    const type = mediaType(head.headers);
    if (isJson(type)) return this.wholeBody(exchange);
    if (type === 'text/html') throw badResponse('text/html');

    const chunks = new ChunkBody(this.endpoint.chunkParser(this.finishReason), this, this.errorContext);
    return {
      read: (bytes) => {
        chunks.read(bytes);
        if (this.flow.closed) this.hold();
      },
      end: () => chunks.end(exchange.endsByClose),
    };
  }

  onFailure(error: UpstreamError): void {
    this.subscriber.error(error);
  }

  get closed(): boolean {
    return this.subscriber.closed;
  }

  next(chunk: Chunk): void {
    if (!this.begun) {
      this.begun = true;
      this.exchange?.silence(this.timeouts.betweenChunksMs, 'between chunks');
    }
    this.subscriber.next(chunk);
  }

  complete(): void {
    this.exchange?.release();
    this.subscriber.complete();
  }

  /** U24: one whole answer although a stream was asked for. */
  private wholeBody(exchange: HttpExchange): BodyReader {
    const emit = (body: unknown): void => {
      const answer = this.endpoint.toAnswer(objectOf(body, 'body'), this.finishReason);
      for (const chunk of this.endpoint.toChunks(answer)) this.subscriber.next(chunk);
      this.subscriber.complete();
    };
    return new JsonBody(exchange, emit, this.errorContext);
  }

  private hold(): void {
    if (this.held || this.closed) return;
    this.held = true;
    this.exchange?.pause();
    void this.flow.passage().then(() => {
      this.held = false;
      this.exchange?.resume();
    });
  }
}

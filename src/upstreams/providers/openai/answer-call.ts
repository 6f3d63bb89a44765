import type { BodyReader, ExchangeListener, HttpExchange, ResponseHead } from '../../http/http-exchange.js';
import type { UpstreamError } from '../../upstream.errors.js';
import { ChunkBody } from './chunk-body.js';
import type { AnyChunk, Endpoint } from './endpoint.js';
import { ErrorBody } from './error-body.js';
import type { ErrorContext } from './errors.js';
import type { FinishReasonReader } from './finish-reason.js';
import { JsonBody } from './json-body.js';
import { objectOf } from './json-value.js';
import { mediaType } from './media-type.js';

/** Listens to an exchange that should bring one whole answer. */
export class AnswerCall<Answer, Chunk extends AnyChunk> implements ExchangeListener {
  constructor(
    private readonly endpoint: Endpoint<Answer, Chunk>,
    private readonly finishReason: FinishReasonReader,
    private readonly errorContext: () => ErrorContext,
    private readonly resolve: (answer: Answer) => void,
    readonly onFailure: (error: UpstreamError) => void,
  ) {}

  onHead(head: ResponseHead, exchange: HttpExchange): BodyReader {
    if (head.status >= 300) return new ErrorBody(head, this.errorContext);
    if (mediaType(head.headers) === 'text/event-stream') return this.collectingBody(exchange);
    return new JsonBody(
      exchange,
      (body) => this.resolve(this.endpoint.toAnswer(objectOf(body, 'body'), this.finishReason)),
      this.errorContext,
    );
  }

  /** U24: a stream although none was asked for. */
  private collectingBody(exchange: HttpExchange): BodyReader {
    const collector = this.endpoint.collector();
    const chunks = new ChunkBody(
      this.endpoint.chunkParser(this.finishReason),
      {
        closed: false,
        next: (chunk) => collector.add(chunk),
        complete: () => {
          exchange.release();
          this.resolve(collector.answer());
        },
      },
      this.errorContext,
    );
    return {
      read: (bytes) => {
        exchange.keep(bytes.length);
        chunks.read(bytes);
      },
      end: () => chunks.end(exchange.endsByClose),
    };
  }
}

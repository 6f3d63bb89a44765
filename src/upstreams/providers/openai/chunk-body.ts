import { SseDecoder } from '../../../streaming/sse-decode.js';
import { badResponse, endedEarly } from '../../upstream-failures.js';
import type { AnyChunk, ChunkParser } from './endpoint.js';
import { type ErrorContext, errorFromBody } from './errors.js';
import { isErrorObject, isObject, parseJson } from './json-value.js';

export interface ChunkConsumer<Chunk> {
  /** True when nobody wants more: then the rest of a read is skipped. */
  readonly closed: boolean;
  next(chunk: Chunk): void;
  /** The answer is complete: `[DONE]`, or the end of the body after every choice has ended. */
  complete(): void;
}

/**
 * A body that is a stream of chunks. Emits each as it comes. Ends well only when every choice that was seen has its
 * finish reason (U18); an error event (U15, U16), an unreadable event and an early end are thrown.
 */
export class ChunkBody<Chunk extends AnyChunk> {
  private readonly decoder = new SseDecoder((data, name) => this.onEvent(data, name));
  private readonly unfinished = new Set<number>();
  private readonly finished = new Set<number>();
  private chunksSeen = false;
  private done = false;

  constructor(
    private readonly parse: ChunkParser<Chunk>,
    private readonly consumer: ChunkConsumer<Chunk>,
    private readonly errorContext: () => ErrorContext,
  ) {}

  read(bytes: Buffer): void {
    if (!this.done) this.decoder.push(bytes);
  }

  /** @param byClose the connection was closed, which was the only end that the body could have */
  end(byClose: boolean): void {
    this.decoder.end();
    this.finish(byClose);
  }

  private onEvent(data: string, name: string): void {
    if (this.done || this.consumer.closed || data === '') return;
    if (data.startsWith('[') && data.trim() === '[DONE]') {
      this.finish(false);
      return;
    }
    const event = parseJson(data);
    if (!isObject(event)) throw badResponse('an event is not an object');
    if (name === 'error' || isErrorObject(event))
      throw errorFromBody(event, this.errorContext(), this.chunksSeen);

    const chunk = this.parse(event);
    this.chunksSeen = true;
    for (const { index, finish_reason } of chunk.choices) this.note(index, finish_reason);
    this.consumer.next(chunk);
  }

  private note(index: number, finishReason: string | null): void {
    if (finishReason !== null) {
      this.unfinished.delete(index);
      this.finished.add(index);
    } else if (!this.finished.has(index)) {
      this.unfinished.add(index);
    }
  }

  private finish(byClose: boolean): void {
    if (this.done || this.consumer.closed) return;
    if (this.finished.size === 0) throw endedEarly('the stream ended without an answer', byClose);
    if (this.unfinished.size > 0) throw endedEarly('the stream ended without a finish_reason', byClose);
    this.done = true;
    this.consumer.complete();
  }
}

import type { FinishReasonReader } from './finish-reason.js';
import type { JsonObject } from './json-value.js';

/** What a stream's keeper must see of a chunk, chat or not. */
export interface AnyChunk {
  readonly choices: readonly { readonly index: number; readonly finish_reason: string | null }[];
}

export type ChunkParser<Chunk> = (event: JsonObject) => Chunk;

export interface Collector<Answer, Chunk> {
  add(chunk: Chunk): void;
  answer(): Answer;
}

/** What differs between `/chat/completions` and `/completions`. Whatever is no such answer is upstream_bad_response. */
export interface Endpoint<Answer, Chunk extends AnyChunk> {
  readonly path: string;
  /** @throws UpstreamError */
  toAnswer(body: JsonObject, finishReason: FinishReasonReader): Answer;
  /** One parser a stream: it may remember. @throws UpstreamError */
  chunkParser(finishReason: FinishReasonReader): ChunkParser<Chunk>;
  /** A whole answer as a stream would have brought it (U24). */
  toChunks(answer: Answer): Chunk[];
  /** A stream as a whole answer (U24). */
  collector(): Collector<Answer, Chunk>;
}

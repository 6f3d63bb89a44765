import type { Observable } from 'rxjs';
import type { Protocol } from '../contracts/protocol.js';
import type { Model } from '../models/model.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { UpstreamAdapter, UpstreamCall } from '../upstreams/upstream.port.js';
import type { Calls } from './calls.js';
import type { PromptMeasure } from './prompt.js';

/** One choice's news in a chunk or answer, as far as metering cares. */
export interface MeteredPart {
  /** Everything that was generated: text, refusals, reasoning, arguments of calls, the words of what was spoken. */
  readonly text: string;
  /** Some of the text is what the model thought. Absent: none. */
  readonly thinks?: true;
  /** Of sound, beside its words; estimated by its length. Absent: none. */
  readonly soundTokens?: number;
  readonly finishReason: string | null;
}

/** What of a request changes its price, beside how much is read and written. */
export interface PriceFacts {
  /** As asked for; `undefined`: not. */
  readonly serviceTier: string | undefined;
  readonly searchesWeb: boolean;
  /** Choices, each of which may search. */
  readonly choices: number;
  /** What is read, and what is to be written, may be sound. */
  readonly hears: boolean;
  readonly speaks: boolean;
}

/**
 * What the pipeline must know to serve one kind of request. Chat and legacy completions differ here and nowhere else
 * between the controller and the upstream. Pure: what differs between two requests is data of their jobs.
 */
export interface Endpoint<Request extends { model: string }, Answer, Chunk> {
  /** The protocol that its door speaks. */
  readonly name: Extract<Protocol, 'chat' | 'completions'>;
  measure(request: Request, model: Model): PromptMeasure;
  /** The part of it that is read before anything else: what a process that dies is known to have sent. Absent: all. */
  measureFirst?(request: Request, model: Model): PromptMeasure;
  /** Most tokens that all choices together may have; `undefined`: neither request nor model names a limit. */
  maxCompletionTokens(request: Request, model: Model): number | undefined;
  /** Whether the client itself limited the output. */
  limitsOutput(request: Request): boolean;
  /** What of it changes its price. */
  priceFacts(request: Request): PriceFacts;
  /** The service tier that an answer says it was made in; `undefined`: it does not say. */
  tierOf(answerOrChunk: Answer | Chunk): string | undefined;
  /** Of a token of the answer as JSON, at least; 0 where it is text alone. */
  charsOfToken(request: Request): number;
  /** The part of an answer that can be paid for: texts cut, finish reason "length". */
  shorten(answer: Answer, share: number): Answer;
  /** The same of a chunk, without finish reasons: what ends it is said later. */
  shortenChunk(chunk: Chunk, share: number): Chunk;
  /** The request as this upstream model gets it. */
  forUpstream(request: Request, model: Model, upstreamModel: string): Request;
  /** @param calls told of the calls that the answer is made of, where it is not one of the whole request */
  complete(
    adapter: UpstreamAdapter,
    call: UpstreamCall<Request>,
    model: Model,
    signal: AbortSignal,
    calls?: Calls,
  ): Promise<Answer>;
  stream(
    adapter: UpstreamAdapter,
    call: UpstreamCall<Request>,
    model: Model,
    flow: FlowGate,
    calls?: Calls,
  ): Observable<Chunk>;
  partsOfAnswer(answer: Answer): Iterable<MeteredPart>;
  partsOfChunk(chunk: Chunk): readonly MeteredPart[];
  usageOfAnswer(answer: Answer): unknown;
  usageOfChunk(chunk: Chunk): unknown;
}

import type { Transaction } from 'kysely';
import type { ExclusiveUse } from '../billing/hold.service.js';
import type { Charge } from '../billing/settlement.service.js';
import type { RequestProvenance } from '../contracts/accounts/request-provenance.js';
import type { Tables } from '../persistence/tables.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import type { Renderer } from '../surfaces/answer-renderer.js';
import type { Endpoint } from './endpoint.js';
import type { RequestContext } from './request-context.js';

/** What differs between one request and another of the same endpoint, beside its body. */
export interface JobOptions {
  /** Whether the client itself limited the output. Absent: the body says. */
  readonly limitsOutput?: boolean | undefined;
  /** The key may use the preset that names the model, so its list of models is not asked again. */
  readonly modelPermitted?: boolean | undefined;
  /** The caller must not read what is sent, such as a chatbot's prompt, which an upstream's message may quote. */
  readonly redactUpstreamErrors?: boolean | undefined;
  /** Called with every report of usage as the upstream made it, and with every attempt's failure. Neither may throw. */
  readonly onUsage?: ((reported: unknown) => void) | undefined;
  readonly onFailure?: ((error: unknown) => void) | undefined;
}

/** How a stream ended, for whoever keeps it: settled, or broken after it had begun to cost. */
export type StreamEnd =
  { readonly charge: Charge; readonly openReason: OpenReason } | { readonly error: unknown };

/** The finish reason of choices that the upstream did not end itself. */
export type OpenReason = 'stop' | 'length';

/**
 * Writes something in the transaction of the charge: durable exactly if that is. Its writes may run more than once,
 * after a rollback; one that throws undoes the charge, and those of other requests with it.
 */
export interface AnswerSink<Answer, Chunk> {
  /** Each chunk of a stream, in order, before the client has it. */
  onChunk?(chunk: Chunk): void;
  whole?(trx: Transaction<Tables>, answer: Answer, charge: Charge): Promise<void>;
  streamed?(trx: Transaction<Tables>, end: StreamEnd): Promise<void>;
  /**
   * Takes out again what `whole` or `streamed` wrote for an answer whose commit came through after the client had been
   * told of a failure: beside the return of its charge, or where a stream is charged for what it relayed. May run twice,
   * or where nothing was written. Absent: what was written stays, and is paid.
   */
  revert?: ((trx: Transaction<Tables>) => Promise<void>) | undefined;
}

/** A request as the pipeline carries it out: the client's own, or what a chatbot and a conversation make of it. */
export interface Job<Body extends { model: string }, Answer, Chunk> {
  readonly context: RequestContext;
  readonly endpoint: Endpoint<Body, Answer, Chunk>;
  /** As the client sent it; of a job that was prepared: as it is carried out. */
  readonly body: Body;
  readonly streamed: boolean;
  readonly renderer: Renderer<Answer, Chunk>;
  readonly options?: JobOptions | undefined;
  /** All keep the answer, in this order. */
  readonly sinks?: readonly AnswerSink<Answer, Chunk>[] | undefined;
  /** What it alone may use until it has ended. */
  readonly exclusive?: ExclusiveUse | undefined;
  /** What it will store beside the answer; absent: nothing. */
  readonly storage?: StorageNeed | undefined;
  readonly provenance?: RequestProvenance | undefined;
  /** Of a stream: aborts, with an error, when nobody reads it any more. It is then settled as far as it came, as when a client leaves. */
  readonly left?: AbortSignal | undefined;
  /** Called once when the request has ended in any way and its hold is resolved. */
  readonly release?: (() => void) | undefined;
  /**
   * Makes of it the job that is carried out, once it is sure that it will be. Absent: it is carried out as it is.
   * @param signal aborts when the client leaves
   */
  readonly prepare?: ((signal: AbortSignal) => Promise<Job<Body, Answer, Chunk>>) | undefined;
}

/** A job whose answer is for ourselves: nobody is shown it. */
export type InternalJob<Body extends { model: string }, Answer, Chunk> = Omit<
  Job<Body, Answer, Chunk>,
  'renderer' | 'prepare'
>;

/** Undoes the writes of all sinks; `undefined` where one of them cannot be undone, or there are none. */
export function revertAll(
  sinks: readonly AnswerSink<never, never>[],
): ((trx: Transaction<Tables>) => Promise<void>) | undefined {
  if (sinks.length === 0 || sinks.some(({ revert }) => revert === undefined)) return undefined;
  return async (trx) => {
    for (const sink of sinks) await sink.revert?.(trx);
  };
}

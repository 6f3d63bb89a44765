import type { Transaction } from 'kysely';
import type { ExclusiveUse } from '../billing/hold.service.js';
import type { RequestProvenance } from '../contracts/accounts/request-provenance.js';
import type { Tables } from '../persistence/tables.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import type { Settled } from './settled.js';
import type { Endpoint } from './endpoint.js';

/** How a stream ended, for whoever keeps it: settled, or broken after it had begun to cost. */
export type StreamEnd = { readonly settled: Settled } | { readonly error: unknown };

/**
 * Writes something in the transaction of the charge: durable exactly if that is. Its writes may run more than once,
 * after a rollback; one that throws undoes the charge, and those of other requests with it.
 */
export interface AnswerKeeper<Answer, Chunk> {
  /** Each chunk of a stream, in order, before the client has it. */
  said?(chunk: Chunk): void;
  whole(trx: Transaction<Tables>, answer: Answer, settled: Settled): Promise<void>;
  streamed(trx: Transaction<Tables>, end: StreamEnd): Promise<void>;
  /**
   * Takes out again what `whole` or `streamed` wrote for an answer whose commit came through after the client had been
   * told of a failure: beside the return of its charge, or where a stream is charged for what it relayed. May run twice,
   * or where nothing was written. Absent: what was written stays, and is paid.
   */
  takeBack?: ((trx: Transaction<Tables>) => Promise<void>) | undefined;
}

/** A request as the pipeline carries it out: the client's own, or what a chatbot and a conversation made of it. */
export interface PreparedRequest<Request extends { model: string }, Answer, Chunk> {
  readonly endpoint: Endpoint<Request, Answer, Chunk>;
  readonly request: Request;
  readonly keeper?: AnswerKeeper<Answer, Chunk> | undefined;
  /** Called with a whole answer before it is charged; where it throws, nothing is. */
  readonly ready?: ((answer: Answer) => void) | undefined;
  /** What it alone may use until it has ended. */
  readonly exclusive?: ExclusiveUse | undefined;
  /** What it will store beside the answer; absent: nothing. */
  readonly storage?: StorageNeed | undefined;
  /** For its story. */
  readonly context?: RequestProvenance | undefined;
  /** The key may use the preset that names the model, so its list of models is not asked again. */
  readonly modelPermitted?: boolean | undefined;
  /** Of a stream: aborts, with an error, when nobody reads it any more. It is then settled as far as it came, as when a client leaves. */
  readonly left?: AbortSignal | undefined;
  /** Called once when the request has ended in any way and its hold is resolved. */
  readonly release?: (() => void) | undefined;
}

/** Both keep the answer, in this order. */
export function keepBoth<Answer, Chunk>(
  first: AnswerKeeper<Answer, Chunk> | undefined,
  second: AnswerKeeper<Answer, Chunk>,
): AnswerKeeper<Answer, Chunk> {
  if (first === undefined) return second;
  return {
    said(chunk) {
      first.said?.(chunk);
      second.said?.(chunk);
    },
    async whole(trx, answer, settled) {
      await first.whole(trx, answer, settled);
      await second.whole(trx, answer, settled);
    },
    async streamed(trx, end) {
      await first.streamed(trx, end);
      await second.streamed(trx, end);
    },
    takeBack:
      first.takeBack &&
      second.takeBack &&
      (async (trx) => {
        await first.takeBack?.(trx);
        await second.takeBack?.(trx);
      }),
  };
}

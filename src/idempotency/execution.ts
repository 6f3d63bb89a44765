import type { Kysely } from 'kysely';
import type { Observable } from 'rxjs';
import type { Tables } from '../persistence/tables.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import { AnswerLog } from './answer-log.js';
import type { AttachedAnswer } from './earlier-answer.js';
import { AnswerNotKeptError } from './idempotency.errors.js';
import type { IdempotencyRepository } from './idempotency.repository.js';

/** What is asked, by whom, under which key. */
export interface IdempotentRequest {
  readonly accountId: string;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly requestId: string;
}

/** Longer answers are given but not kept: a retry is told so, and pays nothing. */
const MAX_KEPT_CHARS = 8 * 1024 * 1024;

/** A first execution under way: what it has said so far, for whoever attaches, and the keeping of its end. */
export class Execution {
  private readonly log = new AnswerLog(MAX_KEPT_CHARS, () =>
    this.abandonment.abort(new AnswerNotKeptError()),
  );
  private readonly abandonment = new AbortController();
  private readonly result = Promise.withResolvers<Buffer>();

  constructor(
    readonly request: IdempotentRequest,
    readonly conversationId: string | undefined,
    private readonly repository: IdempotencyRepository,
    private readonly ended: () => void,
  ) {
    // A failure is told to those who wait for it, if anybody does.
    this.result.promise.catch(() => undefined);
  }

  get requestId(): string {
    return this.request.requestId;
  }

  /** Aborts, with an error, when the answer is too long to be kept and nobody reads it: it need not go on. */
  get abandoned(): AbortSignal {
    return this.abandonment.signal;
  }

  /** As `AttachedAnswer.frames`. */
  frames(gate: FlowGate): Observable<string> {
    return this.log.read(gate);
  }

  /** The answer for somebody who attaches. */
  attached(): AttachedAnswer {
    return {
      conversationId: this.conversationId,
      frames: (gate) => this.frames(gate),
      whole: () => this.result.promise,
    };
  }

  /** What was said so far with what ends it, in the caller's transaction: kept exactly if that commits. */
  async keep(trx: Kysely<Tables>, end: string): Promise<void> {
    const fits = this.log.whole && this.log.chars + end.length <= MAX_KEPT_CHARS;
    await this.repository.keep(trx, this.request, {
      body: fits ? this.log.text() + end : undefined,
      conversationId: this.conversationId,
    });
  }

  /** Adds frames of a stream. */
  say(frames: string): void {
    this.log.add(frames);
  }

  /** All frames were said, and kept if they were worth keeping; what was not kept is forgotten. */
  complete(): void {
    this.log.complete();
    this.forget();
  }

  /** The whole answer, in one piece. */
  completeWith(bytes: Buffer): void {
    this.result.resolve(bytes);
    this.forget();
  }

  /** Everybody attached is told of the same failure; a retry executes again, unless a broken answer was kept. */
  fail(error: unknown): void {
    this.log.fail(error);
    this.result.reject(error);
    this.forget();
  }

  private forget(): void {
    this.ended();
    const { accountId, idempotencyKey, requestId } = this.request;
    // Removes only what has no answer; a failure leaves a row that the next execution finds dead.
    this.repository.removeUnfinished(accountId, idempotencyKey, requestId).catch(() => undefined);
  }
}

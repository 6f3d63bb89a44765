import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { ReplaySubject, type Observable } from 'rxjs';
import { Clock } from '../common/clock/clock.js';
import { ProcessIdentity } from '../persistence/process-identity.js';
import type { Tables } from '../persistence/tables.js';
import { AnswerErasedError, IdempotencyConflictError, StillRunningError } from './idempotency.errors.js';
import { IdempotencyRepository, type IdempotencyRecord } from './idempotency.repository.js';

/** What is asked, by whom, under which key. */
export interface IdempotentRequest {
  readonly accountId: string;
  readonly idempotencyKey: string;
  readonly fingerprint: string;
  readonly requestId: string;
}

/** An answer that was given before, or is being given to somebody else at this moment. */
export interface EarlierAnswer {
  /** The pieces that were or are being sent: frames of a stream, or one JSON text. Errors as the first one did. */
  readonly pieces: Observable<string>;
  readonly conversationId: string | undefined;
}

/** How long an answer is kept. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** Longer answers are given but not kept: a retry of one executes again. */
const MAX_KEPT_CHARS = 8 * 1024 * 1024;

const SWEEP_MS = 600_000;

/** For the first execution, where it runs in another process. */
const POLL_MS = 250;
const MAX_WAIT_MS = 180_000;

/**
 * First executions by key: one upstream call and one charge, however often it is asked. A request that comes while the
 * first is still running here is attached to it; one that comes later gets what was kept.
 */
@Injectable()
export class IdempotencyService implements OnApplicationShutdown {
  private readonly logger = new Logger('Idempotency');
  private readonly running = new Map<string, Execution>();
  private readonly sweeps = setInterval(() => void this.sweep(), SWEEP_MS).unref();

  constructor(
    private readonly repository: IdempotencyRepository,
    private readonly identity: ProcessIdentity,
    private readonly clock: Clock,
  ) {}

  /**
   * @param living ids of processes that may still be at a first execution
   * @returns the execution to carry out, or the answer that there is
   * @throws IdempotencyConflictError, AnswerErasedError, StillRunningError, DomainError `storage_unavailable`
   */
  async begin(
    request: IdempotentRequest,
    conversationId: string | undefined,
    living: () => Promise<readonly string[]>,
  ): Promise<Execution | EarlierAnswer> {
    const name = `${request.accountId} ${request.idempotencyKey}`;
    const here = this.running.get(name);
    if (here !== undefined) return attach(here, request);

    const execution = new Execution(request, conversationId, this.repository, () => {
      if (this.running.get(name) === execution) this.running.delete(name);
    });
    // Taken before the database is asked, and for as long as another process is waited for: whoever comes meanwhile
    // attaches.
    this.running.set(name, execution);
    try {
      const answer = await this.claimOrAwait(request, living);
      if (answer === undefined) return execution;
      execution.answerWith(answer);
      return answer;
    } catch (error) {
      execution.fail(error);
      throw error;
    }
  }

  onApplicationShutdown(): void {
    clearInterval(this.sweeps);
  }

  /** Forgets what is older than a day. Runs by itself every ten minutes; never rejects. */
  async sweep(): Promise<void> {
    try {
      await this.repository.removeOlderThan(this.clock.nowMs() - KEPT_MS);
    } catch (error) {
      this.logger.warn(`kept answers not swept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /**
   * @returns `undefined`: the key is ours now
   * @throws as `begin`
   */
  private async claimOrAwait(
    request: IdempotentRequest,
    living: () => Promise<readonly string[]>,
  ): Promise<EarlierAnswer | undefined> {
    const { accountId, idempotencyKey, fingerprint } = request;
    const deadlineMs = this.clock.monotonicMs() + MAX_WAIT_MS;
    for (;;) {
      const earlier = await this.claim(request);
      if (earlier === undefined) return undefined;
      const answer = this.read(earlier, request);
      if (answer !== undefined) return answer;
      if (earlier.fingerprint !== fingerprint) throw new IdempotencyConflictError();
      // Its process is gone, or it was ours and left nothing: nobody will ever finish it.
      const dead = earlier.owner === this.identity.id || !(await living()).includes(earlier.owner);
      // What it kept at the last moment is found at the next look.
      if (dead) await this.repository.removeUnfinished(accountId, idempotencyKey, earlier.requestId);
      else if (this.clock.monotonicMs() >= deadlineMs) throw new StillRunningError();
      else await pause(POLL_MS);
    }
  }

  /** @returns the record that holds the key already; `undefined` when it is ours now */
  private async claim(request: IdempotentRequest): Promise<IdempotencyRecord | undefined> {
    const record = { ...request, owner: this.identity.id, createdAtMs: this.clock.nowMs() };
    for (;;) {
      if (await this.repository.insert(record)) return undefined;
      const earlier = await this.repository.find(request.accountId, request.idempotencyKey);
      if (earlier === undefined) continue;
      if (earlier.createdAtMs >= this.clock.nowMs() - KEPT_MS) return earlier;
      await this.repository.remove(earlier);
    }
  }

  /** @returns `undefined`: there is no answer yet */
  private read(earlier: IdempotencyRecord, request: IdempotentRequest): EarlierAnswer | undefined {
    if (earlier.erased) throw new AnswerErasedError();
    if (earlier.body === undefined) return undefined;
    if (earlier.fingerprint !== request.fingerprint) throw new IdempotencyConflictError();
    const pieces = new ReplaySubject<string>();
    pieces.next(earlier.body);
    pieces.complete();
    return { pieces, conversationId: earlier.conversationId };
  }
}

function attach(execution: Execution, request: IdempotentRequest): EarlierAnswer {
  if (execution.request.fingerprint !== request.fingerprint) throw new IdempotencyConflictError();
  return {
    pieces: execution.pieces,
    get conversationId() {
      return execution.conversationId;
    },
  };
}

/** A first execution under way: what it has said so far, for whoever attaches, and the keeping of its end. */
export class Execution implements EarlierAnswer {
  private readonly subject = new ReplaySubject<string>();
  private said = '';
  private keepable = true;

  constructor(
    readonly request: IdempotentRequest,
    private ownConversationId: string | undefined,
    private readonly repository: IdempotencyRepository,
    private readonly ended: () => void,
  ) {}

  get pieces(): Observable<string> {
    return this.subject;
  }

  get conversationId(): string | undefined {
    return this.ownConversationId;
  }

  /** What was said so far with what ends it, in the caller's transaction: kept exactly if that commits. */
  async keep(trx: Kysely<Tables>, end: string): Promise<void> {
    const { accountId, idempotencyKey, requestId } = this.request;
    if (!this.keepable || this.said.length + end.length > MAX_KEPT_CHARS) return;
    const answer = { body: this.said + end, conversationId: this.conversationId };
    await this.repository.keep(trx, { accountId, idempotencyKey, requestId }, answer);
  }

  say(piece: string): void {
    if (this.keepable) this.said += piece;
    if (this.said.length > MAX_KEPT_CHARS) {
      this.keepable = false;
      this.said = '';
    }
    this.subject.next(piece);
  }

  /** All was said, and kept if it was worth keeping; what was not kept is forgotten. */
  complete(): void {
    this.subject.complete();
    this.ended();
    this.forget();
  }

  /** Everybody attached is told of the same failure; a retry executes again, unless a broken answer was kept. */
  fail(error: unknown): void {
    this.subject.error(error);
    this.ended();
    this.forget();
  }

  /** Somebody else had executed it before. */
  answerWith(answer: EarlierAnswer): void {
    this.ownConversationId = answer.conversationId;
    answer.pieces.subscribe(this.subject);
    this.ended();
  }

  private forget(): void {
    const { accountId, idempotencyKey, requestId } = this.request;
    // Removes only what has no answer; a failure leaves a row that the next execution finds dead.
    this.repository.removeUnfinished(accountId, idempotencyKey, requestId).catch(() => undefined);
  }
}

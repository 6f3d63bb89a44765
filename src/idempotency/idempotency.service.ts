import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { ProcessIdentityService } from '../persistence/process-identity.service.js';
import { ProcessRegistryService } from '../persistence/process-registry.service.js';
import { KeptAnswer, type AttachedAnswer } from './earlier-answer.js';
import { Execution, type IdempotentRequest } from './execution.js';
import {
  AnswerErasedError,
  AnswerNotKeptError,
  IdempotencyConflictError,
  StillRunningError,
} from './idempotency.errors.js';
import { IdempotencyRepository, type IdempotencyRecord } from './idempotency.repository.js';
import { ReplayMemory } from './replay-memory.js';

/** How long an answer is kept. */
const KEPT_MS = 24 * 60 * 60 * 1000;

const SWEEP_MS = 600_000;

/** For the first execution, where it runs in another process. */
const POLL_MS = 250;
const MAX_WAIT_MS = 180_000;

/** A key that somebody here asks for: an execution under way, or being looked for. */
interface Claim {
  readonly fingerprint: string;
  readonly found: Promise<Execution | IdempotencyRecord>;
}

/**
 * First executions by key: one upstream call and one charge, however often it is asked. A request that comes while the
 * first is still running here is attached to it; one that comes later gets what was kept.
 */
@Injectable()
export class IdempotencyService implements OnApplicationShutdown {
  private readonly logger = new Logger('Idempotency');
  private readonly claims = new Map<string, Claim>();
  private readonly replays = new ReplayMemory();
  private readonly sweeps = setInterval(() => void this.sweep(), SWEEP_MS).unref();

  constructor(
    private readonly repository: IdempotencyRepository,
    private readonly identity: ProcessIdentityService,
    private readonly processes: ProcessRegistryService,
    private readonly clock: Clock,
  ) {}

  /**
   * @param permits whether the caller may have the answer to this request of ours; `false`: nobody can tell yet
   * @returns the execution to carry out, or the answer that there is; a kept one must be released
   * @throws IdempotencyConflictError, AnswerErasedError, AnswerNotKeptError, StillRunningError, DomainError
   *   `storage_unavailable`, `overloaded`; what `permits` throws
   */
  async begin(
    request: IdempotentRequest,
    conversationId: string | undefined,
    permits: (requestId: string) => Promise<boolean>,
  ): Promise<Execution | AttachedAnswer | KeptAnswer> {
    const claim = this.claims.get(nameOf(request));
    if (claim !== undefined && claim.fingerprint !== request.fingerprint)
      throw new IdempotencyConflictError();
    const found = await (claim?.found ?? this.beginClaim(request, conversationId));
    if (claim === undefined && found instanceof Execution) return found;
    if (!(await permits(found.requestId))) throw new StillRunningError();
    return found instanceof Execution ? found.attached() : this.replay(found);
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
   * Takes the key before the database is asked, and for as long as another process is waited for: whoever comes
   * meanwhile waits for the same.
   */
  private beginClaim(request: IdempotentRequest, conversationId: string | undefined): Claim['found'] {
    const name = nameOf(request);
    const end = (): void => {
      if (this.claims.get(name) === claim) this.claims.delete(name);
    };
    const execution = new Execution(request, conversationId, this.repository, end);
    const found = this.claimOrAwait(execution);
    const claim: Claim = { fingerprint: request.fingerprint, found };
    this.claims.set(name, claim);
    found.then((answer) => {
      if (answer !== execution) end();
    }, end);
    return found;
  }

  /**
   * @returns the execution where the key is ours now, else the record of the answer that there is
   * @throws as `begin`
   */
  private async claimOrAwait(execution: Execution): Promise<Execution | IdempotencyRecord> {
    const { request } = execution;
    const { accountId, idempotencyKey, fingerprint } = request;
    const deadlineMs = this.clock.monotonicMs() + MAX_WAIT_MS;
    for (;;) {
      const earlier = await this.claim(request);
      if (earlier === undefined) return execution;
      if (earlier.state === 'erased') throw new AnswerErasedError();
      if (earlier.state === 'not kept') throw new AnswerNotKeptError();
      if (earlier.fingerprint !== fingerprint) throw new IdempotencyConflictError();
      if (earlier.state === 'kept') return earlier;
      // Its process is gone, or it was ours and left nothing: nobody will ever finish it.
      const dead =
        earlier.owner === this.identity.id || !(await this.processes.alive()).includes(earlier.owner);
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

  private async replay(record: IdempotencyRecord): Promise<KeptAnswer> {
    const { requestId, accountId, storedBytes: bytes, conversationId } = record;
    const lease = await this.replays.open({ requestId, accountId, bytes }, async () => {
      const body = await this.repository.findBody(record);
      if (body === undefined) throw new AnswerErasedError();
      return Buffer.from(body);
    });
    return new KeptAnswer(conversationId, lease);
  }
}

function nameOf({ accountId, idempotencyKey }: IdempotentRequest): string {
  return `${accountId} ${idempotencyKey}`;
}

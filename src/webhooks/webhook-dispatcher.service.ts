import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { LogService } from '../observability/log.service.js';
import { DatabaseReadiness } from '../persistence/database.js';
import { GroupCommit } from '../persistence/group-commit.js';
import type { Tables } from '../persistence/tables.js';
import { DeliveryTimes } from './delivery-times.js';
import { OutboxRepository, type AttemptOutcome, type ClaimedEvent } from './outbox.repository.js';
import { retryDelayMs } from './retry-delay.js';
import { WebhookSender, type SendResult } from './webhook-sender.js';

/** Attempts under way at a time. */
const AT_ONCE = 16;
const SWEEP_EVERY_MS = 60_000;
const SWEEP_BATCH = 500;

/**
 * Sends what the outbox holds: each event at least once, until its receiver takes it or a day has gone by; in no order.
 * Beside requests, never in their way: they only write rows.
 */
@Injectable()
export class WebhookDispatcherService implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly sender: WebhookSender | undefined;
  private readonly underWay = new Set<Promise<void>>();
  private readonly cut = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private claiming: Promise<void> | undefined;
  /** More was due at the last look than there were hands for. */
  private backlog = false;
  private sweptAtMs = 0;

  constructor(
    { webhooks }: AppConfig,
    private readonly readiness: DatabaseReadiness,
    private readonly groupCommit: GroupCommit,
    private readonly outbox: OutboxRepository,
    private readonly times: DeliveryTimes,
    private readonly clock: Clock,
    private readonly log: LogService,
  ) {
    this.sender = webhooks && new WebhookSender(webhooks, times.attemptMs, AT_ONCE);
  }

  onApplicationBootstrap(): void {
    if (this.sender !== undefined) void this.readiness.whenReady().then(() => this.poll());
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await Promise.race([this.idle(), pause(this.times.shutdownMs, undefined, { ref: false })]);
    this.cut.abort();
    await this.idle();
    await this.sender?.close();
  }

  /** Begins to send what is due, as far as hands are free. */
  async turn(): Promise<void> {
    if (this.sender === undefined || this.stopped) return;
    if (this.free() === 0) this.backlog = true;
    else await (this.claiming ??= this.claim(this.sender));
  }

  /** Resolves when no attempt is under way, and none is about to be. */
  async idle(): Promise<void> {
    while (this.underWay.size > 0 || this.claiming !== undefined) {
      await Promise.all([...this.underWay, this.guarded(async () => this.claiming)]);
    }
  }

  private async claim(sender: WebhookSender): Promise<void> {
    try {
      for (let free = this.free(); free > 0 && !this.stopped; free = this.free()) {
        const nowMs = this.clock.nowMs();
        const events = await this.outbox.claim(nowMs, nowMs + this.times.leaseMs, free);
        for (const event of events) this.begin(sender, event);
        this.backlog = events.length === free;
        if (!this.backlog) return;
      }
    } finally {
      this.claiming = undefined;
    }
  }

  private free(): number {
    return AT_ONCE - this.underWay.size;
  }

  private async poll(): Promise<void> {
    await this.guarded(async () => {
      await this.turn();
      await this.sweep();
    });
    if (!this.stopped) this.timer = setTimeout(() => void this.poll(), this.times.pollMs).unref();
  }

  private begin(sender: WebhookSender, event: ClaimedEvent): void {
    const attempt = this.guarded(() => this.attempt(sender, event)).then(() => {
      this.underWay.delete(attempt);
      if (this.backlog) void this.guarded(() => this.turn());
    });
    this.underWay.add(attempt);
  }

  private async attempt(sender: WebhookSender, event: ClaimedEvent): Promise<void> {
    const result = await sender.send(event, this.clock.nowMs(), this.cut.signal);
    const outcome = this.outcomeOf(event, result);
    await this.groupCommit.submit(this.recordMany, outcome);
    if (outcome.state === 'delivered') return;
    const { id, attempts, state, failure } = outcome;
    const fields = { event_id: id, attempts, failure };
    if (state === 'given_up') this.log.error(fields, 'webhook event given up');
    else this.log.warn(fields, 'webhook event not delivered, trying again later');
  }

  private outcomeOf({ id, attempts, createdAtMs }: ClaimedEvent, result: SendResult): AttemptOutcome {
    if (result.delivered) return { id, attempts, state: 'delivered' };
    const { failure } = result;
    const nowMs = this.clock.nowMs();
    // We broke off ourselves: the next process need not wait.
    if (this.cut.signal.aborted) return { id, attempts, state: 'pending', failure, dueAtMs: nowMs };
    const dueAtMs = nowMs + retryDelayMs(attempts, Math.random());
    return dueAtMs > createdAtMs + this.times.giveUpAfterMs
      ? { id, attempts, state: 'given_up', failure }
      : { id, attempts, state: 'pending', failure, dueAtMs };
  }

  private readonly recordMany = async (
    trx: Kysely<Tables>,
    outcomes: readonly AttemptOutcome[],
  ): Promise<undefined[]> => {
    for (const outcome of outcomes) await this.outbox.record(trx, outcome);
    return outcomes.map(() => undefined);
  };

  private async sweep(): Promise<void> {
    const nowMs = this.clock.nowMs();
    if (this.stopped || nowMs < this.sweptAtMs + SWEEP_EVERY_MS) return;
    this.sweptAtMs = nowMs;
    while ((await this.outbox.removeDone(nowMs - this.times.keepMs, SWEEP_BATCH)) === SWEEP_BATCH);
  }

  /** Storage that does not serve now is no end: an event whose outcome was not stored is sent again after its lease. */
  private async guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.log.warn({ err: error }, 'webhooks: storage does not serve, trying again later');
    }
  }
}

import type { Transaction } from 'kysely';
import { usageOf, type BelievedUsage } from '../billing/reported-usage.js';
import type { Charge, Settlement, SettlementOutcome } from '../billing/settlement.service.js';
import type { FailedAttempt } from '../billing/usage.repository.js';
import type { Clock } from '../common/clock/clock.js';
import type { Price } from '../common/money/price.js';
import type { Route } from '../models/model.js';
import type { Tables } from '../persistence/tables.js';
import { Calls } from './calls.js';
import type { MeteredPart } from './endpoint.js';
import { Meter } from './meter.js';
import { priceOfAnswer } from './pricing-choice.js';
import type { RequestContext } from './request-context.js';
import type { Reservation } from './reservation.service.js';
import type { LateSettlement } from './settlement-retry.service.js';

/** What is made durable beside the charge of an answer. */
export interface AnswerWrites {
  /** See `Settlement.alongside`. */
  readonly alongside: (trx: Transaction<Tables>, charge: Charge) => Promise<void>;
  /** See `AnswerSink`. */
  readonly revert?: ((trx: Transaction<Tables>) => Promise<void>) | undefined;
}

/** Makes a settlement durable. */
export interface Settles {
  settle(settlement: OpenSettlement, outcome: SettlementOutcome): Promise<Charge>;
}

/**
 * The settlement of an answer that is under way: collects what its reservation could not know. It may be closed from
 * anywhere and is settled once: the first outcome stands, later ones get the same charge.
 */
export class OpenSettlement {
  readonly meter: Meter;
  private readonly failedAttempts: FailedAttempt[] = [];
  private currentRoute: Route;
  /** Monotonic milliseconds: when the attempt under way began, and how long it took to its first word. */
  private attemptedAtMs = 0;
  private msToFirstWord = 0;
  private firstTokenMs: number | undefined;
  private givenUp = false;
  /** That the answer says it was made in. */
  private serviceTier: string | undefined;
  private charge: Promise<Charge> | undefined;
  private writes: AnswerWrites | undefined;
  private posted: Settlement | undefined;

  constructor(
    readonly reservation: Reservation,
    readonly context: Pick<RequestContext, 'arrivedAtMs' | 'tellCharge'>,
    private readonly clock: Clock,
    private readonly settles: Settles,
  ) {
    const { prompt, hold, maxCompletionTokens, routes } = reservation;
    this.meter = new Meter(prompt, () => hold.promptTokens, maxCompletionTokens);
    [this.currentRoute] = routes;
  }

  get closed(): boolean {
    return this.charge !== undefined;
  }

  /** Of the attempt under way. */
  get route(): Route {
    return this.currentRoute;
  }

  /** @returns to be told of the calls that the attempt is made of */
  beginAttempt(route: Route): Calls {
    this.currentRoute = route;
    this.attemptedAtMs = this.clock.monotonicMs();
    this.meter.calls = new Calls();
    return this.meter.calls;
  }

  attemptFailed(failure: FailedAttempt): void {
    this.failedAttempts.push(failure);
  }

  /** @param tier `undefined`: this part of the answer does not say */
  see(parts: Iterable<MeteredPart>, reported: unknown, tier: string | undefined): void {
    if (tier !== undefined) this.serviceTier = tier;
    this.meter.see(parts, reported);
  }

  /** The client is about to be given what was seen. */
  relayed(): void {
    if (this.firstTokenMs !== undefined || !this.meter.generated) return;
    const nowMs = this.clock.monotonicMs();
    this.firstTokenMs = Math.round(nowMs - this.context.arrivedAtMs);
    this.msToFirstWord = nowMs - this.attemptedAtMs;
  }

  /** Its client left, and it was not heard out: see `withAssumedThoughts`. */
  giveUp(): void {
    this.givenUp = true;
  }

  get unheard(): boolean {
    return this.givenUp;
  }

  close(outcome: SettlementOutcome, writes?: AnswerWrites): Promise<Charge> {
    if (this.charge === undefined) {
      this.writes = writes;
      this.charge = this.settles.settle(this, outcome);
    }
    return this.charge;
  }

  /** How long the attempt under way took to its first word; 0: it said none. */
  get thinkingTimeMs(): number {
    return this.msToFirstWord;
  }

  /** By which its tokens are charged. */
  get price(): Price {
    return priceOfAnswer(this.reservation.price, this.serviceTier);
  }

  /** What is posted for it. */
  settlement(outcome: SettlementOutcome, { usage, source }: BelievedUsage): Settlement {
    const { clock, reservation, writes, currentRoute } = this;
    this.posted = {
      metadata: reservation.metadata,
      upstream: currentRoute.upstream,
      upstreamModel: currentRoute.upstreamModel,
      failedAttempts: this.failedAttempts,
      outcome,
      // What costs nothing is given back; a free model's answer is a settlement of 0.
      move: outcome === 'completed' || usage.total_tokens > 0 ? 'settle' : 'release',
      finishReason: this.meter.finishReason,
      usage,
      usageSource: source,
      price: this.price,
      createdAtMs: clock.nowMs(),
      firstTokenMs: this.firstTokenMs,
      durationMs: Math.round(clock.monotonicMs() - this.context.arrivedAtMs),
      alongside: writes?.alongside,
    };
    return this.posted;
  }

  /**
   * What is posted where the caller was told of a failure after all: a stream is charged for what it relayed, a whole
   * answer was not handed over. `undefined`: nothing was posted.
   */
  lateSettlement(): LateSettlement | undefined {
    const { posted } = this;
    if (posted === undefined) return undefined;
    const relayed = posted.metadata.streamed && this.firstTokenMs !== undefined;
    const revert = this.writes?.revert;
    return {
      settlement: {
        ...posted,
        alongside: undefined,
        outcome: 'settled_late',
        move: relayed ? 'settle' : 'release',
        ...(relayed ? {} : { usage: usageOf(0, 0) }),
      },
      // What is kept beside its charge and stays is given to the retry.
      refunds: !relayed && (posted.alongside === undefined || revert !== undefined),
      revert,
    };
  }
}

import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import type { BelievedUsage } from '../billing/reported-usage.js';
import { usageOf } from '../billing/reported-usage.js';
import { HoldLostError } from '../billing/billing.errors.js';
import {
  SettlementService,
  type Charge,
  type Settlement,
  type SettlementOutcome,
} from '../billing/settlement.service.js';
import type { FailedAttempt } from '../billing/usage.repository.js';
import { TokenCounter } from '../billing/token-counter.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import type { Route } from '../models/model.js';
import type { Tables } from '../persistence/tables.js';
import type { Admission } from './admission.js';
import type { InFlight } from './in-flight.js';
import type { Meter } from './meter.js';
import { priceOfAnswer } from './pricing-choice.js';
import { estimatePromptTokens } from './prompt.js';
import { Settled } from './settled.js';
import { withAssumedThoughts } from './assumed-thoughts.js';
import { Thinking } from './thinking.js';
import { UnsettledService, type Unsettled } from './unsettled.service.js';

export interface OpenAnswer {
  readonly admission: Admission<unknown>;
  readonly endpoint: 'chat' | 'completions';
  readonly streamed: boolean;
  readonly meter: Meter;
  /** The route of the attempt under way. */
  route: Route;
  firstTokenMs: number | undefined;
  /** That it said it was made in. */
  serviceTier?: string | undefined;
  /** When the attempt under way began, and how long it took to the first word of it; monotonic milliseconds. */
  calledAtMs: number;
  thoughtMs?: number | undefined;
  /** Its client left, and it was not heard out: see `withAssumedThoughts`. */
  unheard: boolean;
  readonly failedAttempts: FailedAttempt[];
  /** What it was closed with. */
  settlement?: Settlement;
  /** Makes the answer durable beside its charge; see `Settlement.alongside`. */
  alongside?: ((trx: Transaction<Tables>, settled: Settled) => Promise<void>) | undefined;
  /** See `AnswerKeeper`. */
  takeBack?: ((trx: Transaction<Tables>) => Promise<void>) | undefined;
}

/** Closes answers: from what was metered to a durable row. */
@Injectable()
export class ClosingService {
  constructor(
    private readonly settlements: SettlementService,
    private readonly counter: TokenCounter,
    private readonly unsettled: UnsettledService,
    private readonly thinking: Thinking,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /** One answer's closing; `close` may be called from anywhere and charges once. */
  open(answer: OpenAnswer, inFlight: InFlight): Closing {
    return new Closing(answer, (outcome) => this.settle(answer, outcome), inFlight);
  }

  private async settle(answer: OpenAnswer, outcome: SettlementOutcome): Promise<Settled> {
    const { meter, admission } = answer;
    const complete = outcome === 'completed';
    let believed: BelievedUsage =
      // Nothing of a whole answer is handed over before it is complete.
      complete || (answer.streamed && (meter.generated || outcome === 'cut_at_limit'))
        ? await meter.usage(this.counter, complete).catch(() => estimate(admission, meter))
        : { usage: usageOf(0, 0), source: 'counted' };
    if (!meter.thinks) this.thinking.note(answer.route, believed.usage);
    if (answer.unheard) {
      const { creditNanoUsd } = this.config.money;
      const price = priceOfAnswer(admission.price, answer.serviceTier);
      believed = withAssumedThoughts(
        believed,
        admission,
        { ms: answer.thoughtMs ?? 0, calls: meter.calls.unheard },
        price,
        creditNanoUsd,
      );
    }
    admission.tokens.correct(believed.usage.total_tokens);
    const toSettled = ({ usage, bill, paidFraction }: Charge): Settled =>
      new Settled(usage, bill, outcome === 'cut_at_limit' ? 'length' : 'stop', paidFraction);
    const { alongside } = answer;
    const settlement: Settlement = {
      ...this.settlement(answer, outcome, believed),
      alongside: alongside && ((trx, charged) => alongside(trx, toSettled(charged))),
    };
    answer.settlement = settlement;
    try {
      return toSettled(await this.settlements.settle(settlement));
    } catch (error) {
      if (!(error instanceof HoldLostError)) this.unsettled.add(withoutItsEnd(settlement, answer));
      throw error;
    }
  }

  /**
   * Gives back what a whole answer was charged that could not be handed over, unless it is kept for a retry. At once, or
   * when storage is back. Never rejects.
   */
  async giveBack(answer: OpenAnswer): Promise<void> {
    if (answer.settlement === undefined) return;
    this.unsettled.add(withoutItsEnd(answer.settlement, answer));
    await this.unsettled.flush();
  }

  private settlement(answer: OpenAnswer, outcome: SettlementOutcome, believed: BelievedUsage): Settlement {
    const { admission, meter, route } = answer;
    const { caller, metadata, price } = admission;
    return {
      metadata,
      upstream: route.upstream,
      upstreamModel: route.upstreamModel,
      failedAttempts: answer.failedAttempts,
      outcome,
      // What costs nothing is given back; a free model's answer is a settlement of 0.
      move: outcome === 'completed' || believed.usage.total_tokens > 0 ? 'settle' : 'release',
      finishReason: meter.finishReason,
      usage: believed.usage,
      usageSource: believed.source,
      price: priceOfAnswer(price, answer.serviceTier),
      createdAtMs: this.clock.nowMs(),
      firstTokenMs: answer.firstTokenMs,
      durationMs: Math.round(this.clock.monotonicMs() - caller.arrivedAtMs),
    };
  }
}

/** The caller was told of a failure: a stream is charged for what it relayed, a whole answer was not handed over. */
function withoutItsEnd(settlement: Settlement, { streamed, firstTokenMs, takeBack }: OpenAnswer): Unsettled {
  const relayed = streamed && firstTokenMs !== undefined;
  return {
    settlement: {
      ...settlement,
      alongside: undefined,
      outcome: 'settled_late',
      move: relayed ? 'settle' : 'release',
      ...(relayed ? {} : { usage: usageOf(0, 0) }),
    },
    // What is kept beside its charge and stays is given to the retry.
    givesBack: !relayed && (settlement.alongside === undefined || takeBack !== undefined),
    takeBack,
  };
}

/** Where not even counting works: no answer stays without its settlement. */
function estimate({ prompt }: Admission<unknown>, meter: Meter): BelievedUsage {
  return { usage: usageOf(estimatePromptTokens(prompt), meter.estimatedTokens), source: 'estimated' };
}

/** Settles one answer at most once: the first outcome stands, later ones get the same settlement. */
export class Closing {
  private settlement: Promise<Settled> | undefined;

  constructor(
    readonly answer: OpenAnswer,
    private readonly settle: (outcome: SettlementOutcome) => Promise<Settled>,
    private readonly inFlight: InFlight,
  ) {}

  get closed(): boolean {
    return this.settlement !== undefined;
  }

  close(outcome: SettlementOutcome): Promise<Settled> {
    if (this.settlement === undefined) {
      this.settlement = this.settle(outcome);
      this.inFlight.track(this.settlement);
    }
    return this.settlement;
  }
}

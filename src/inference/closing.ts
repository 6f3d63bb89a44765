import { Injectable } from '@nestjs/common';
import type { BelievedUsage } from '../billing/reported-usage.js';
import { usageOf } from '../billing/reported-usage.js';
import { SettlementService, type SettlementOutcome } from '../billing/settlement.service.js';
import { TokenCounter } from '../billing/token-counter.js';
import { Clock } from '../common/clock/clock.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { Route } from '../models/model.js';
import type { Bill } from '../surfaces/usage.js';
import type { Admission } from './admission.js';
import type { InFlight } from './in-flight.js';
import type { Meter } from './meter.js';

/** The end of an answer: what it used and what that cost, durable. */
export class Settled {
  constructor(
    readonly usage: Usage,
    readonly bill: Bill,
    /** The finish reason of choices that the upstream did not end itself. */
    readonly openFinishReason: 'stop' | 'length',
  ) {}
}

export interface OpenAnswer {
  readonly admission: Admission<unknown>;
  readonly endpoint: 'chat' | 'completions';
  readonly streamed: boolean;
  readonly meter: Meter;
  /** The route of the attempt under way. */
  route: Route;
  firstTokenMs: number | undefined;
}

/** Closes answers: from what was metered to a durable row. */
@Injectable()
export class ClosingService {
  constructor(
    private readonly settlements: SettlementService,
    private readonly counter: TokenCounter,
    private readonly clock: Clock,
  ) {}

  /** One answer's closing; `close` may be called from anywhere and charges once. */
  open(answer: OpenAnswer, inFlight: InFlight): Closing {
    return new Closing(answer, (outcome) => this.settle(answer, outcome), inFlight);
  }

  private async settle(answer: OpenAnswer, outcome: SettlementOutcome): Promise<Settled> {
    const { admission, meter, route } = answer;
    const { caller, model, price } = admission;
    const complete = outcome === 'completed';
    const believed: BelievedUsage =
      complete || meter.generated
        ? await meter.usage(this.counter, complete)
        : { usage: usageOf(0, 0), source: 'counted' };
    admission.tokens.correct(believed.usage.total_tokens);
    const bill = await this.settlements.settle({
      requestId: caller.requestId,
      clientRequestId: caller.clientRequestId,
      accountId: caller.principal.accountId,
      keyId: caller.principal.keyId,
      surface: caller.surface,
      endpoint: answer.endpoint,
      model: model.id,
      upstream: route.upstream,
      upstreamModel: route.upstreamModel,
      streamed: answer.streamed,
      outcome,
      finishReason: meter.finishReason,
      usage: believed.usage,
      usageSource: believed.source,
      price,
      createdAtMs: this.clock.nowMs(),
      firstTokenMs: answer.firstTokenMs,
      durationMs: Math.round(this.clock.monotonicMs() - caller.arrivedAtMs),
    });
    return new Settled(believed.usage, bill, outcome === 'cut_at_limit' ? 'length' : 'stop');
  }
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

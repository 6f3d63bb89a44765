import { Injectable } from '@nestjs/common';
import { HoldLostError } from '../billing/billing.errors.js';
import { usageOf, type BelievedUsage } from '../billing/reported-usage.js';
import { SettlementService, type Charge, type SettlementOutcome } from '../billing/settlement.service.js';
import { TokenCounter } from '../billing/token-counter.js';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { withAssumedThoughts } from './assumed-thoughts.js';
import { InFlight } from './in-flight.js';
import { OpenSettlement, type Settles } from './open-settlement.js';
import { estimatePromptTokens } from './prompt.js';
import type { RequestContext } from './request-context.js';
import type { Reservation } from './reservation.service.js';
import { SettlementRetryService } from './settlement-retry.service.js';
import { Thinking } from './thinking.js';

/** Settles answers: from what was metered to a durable row. */
@Injectable()
export class SettlementCoordinatorService implements Settles {
  constructor(
    private readonly settlements: SettlementService,
    private readonly counter: TokenCounter,
    private readonly retries: SettlementRetryService,
    private readonly thinking: Thinking,
    private readonly inFlight: InFlight,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  open(reservation: Reservation, context: RequestContext): OpenSettlement {
    return new OpenSettlement(reservation, context, this.clock, this);
  }

  /** Called by `OpenSettlement.close`, once. */
  settle(open: OpenSettlement, outcome: SettlementOutcome): Promise<Charge> {
    const charge = this.post(open, outcome);
    this.inFlight.track(charge);
    return charge;
  }

  /**
   * Gives back what a whole answer was charged that could not be handed over, unless it is kept for a retry. At once, or
   * when storage is back. Never rejects.
   */
  async refund(open: OpenSettlement): Promise<void> {
    const late = open.lateSettlement();
    if (late === undefined) return;
    this.retries.add(late);
    await this.retries.flush();
  }

  private async post(open: OpenSettlement, outcome: SettlementOutcome): Promise<Charge> {
    const believed = await this.believedUsage(open, outcome);
    open.reservation.tokens.correct(believed.usage.total_tokens);
    const settlement = open.settlement(outcome, believed);
    try {
      const charge = await this.settlements.settle(settlement);
      open.context.tellCharge?.(charge, open.route.upstream);
      return charge;
    } catch (error) {
      const late = error instanceof HoldLostError ? undefined : open.lateSettlement();
      if (late !== undefined) this.retries.add(late);
      throw error;
    }
  }

  private async believedUsage(open: OpenSettlement, outcome: SettlementOutcome): Promise<BelievedUsage> {
    const { meter, reservation, route } = open;
    const complete = outcome === 'completed';
    const believed: BelievedUsage =
      // Nothing of a whole answer is handed over before it is complete.
      complete || (reservation.metadata.streamed && (meter.generated || outcome === 'cut_at_limit'))
        ? await meter.usage(this.counter, complete).catch(() => estimate(open))
        : { usage: usageOf(0, 0), source: 'counted' };
    if (!meter.thinks) this.thinking.note(route, believed.usage);
    if (!open.unheard) return believed;
    const unheard = { ms: open.thinkingTimeMs, calls: meter.calls.unheard };
    return withAssumedThoughts(believed, reservation, unheard, open.price, this.config.money.creditNanoUsd);
  }
}

/** Fallback when token counting fails, so every answer is still settled. */
function estimate({ reservation, meter }: OpenSettlement): BelievedUsage {
  return {
    usage: usageOf(estimatePromptTokens(reservation.prompt), meter.estimatedTokens),
    source: 'estimated',
  };
}

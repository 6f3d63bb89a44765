import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { HoldLostError } from '../billing/billing.errors.js';
import { SettlementService, type Settlement } from '../billing/settlement.service.js';
import { Log } from '../observability/log.js';

const RETRY_MS = 1_000;

/**
 * Requests whose settlement could not be made durable in time. Their callers were told of a failure, so they are
 * resolved like those of a dead process, as soon as the database is back: what was relayed is charged, the rest given
 * back. What this process does not live to resolve, the sweeper of the next one does.
 */
@Injectable()
export class UnsettledService implements BeforeApplicationShutdown {
  private readonly waiting = new Map<string, Settlement>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settlements: SettlementService,
    private readonly log: Log,
  ) {}

  add(settlement: Settlement): void {
    this.waiting.set(settlement.requestId, settlement);
    this.schedule();
  }

  beforeApplicationShutdown(): void {
    clearTimeout(this.timer);
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      void this.retryAll();
    }, RETRY_MS).unref();
  }

  private async retryAll(): Promise<void> {
    await Promise.all([...this.waiting.values()].map((settlement) => this.retry(settlement)));
    if (this.waiting.size > 0) this.schedule();
  }

  private async retry(settlement: Settlement): Promise<void> {
    try {
      await this.settlements.settle(settlement);
      this.log.info({ request_id: settlement.requestId }, 'settled late');
    } catch (error) {
      if (!(error instanceof HoldLostError)) return;
    }
    this.waiting.delete(settlement.requestId);
  }
}

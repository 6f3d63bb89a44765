import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { HoldLostError } from '../billing/billing.errors.js';
import { UndeliveredService } from '../billing/undelivered.service.js';
import { SettlementService, type Settlement } from '../billing/settlement.service.js';
import { LogService } from '../observability/log.service.js';
import { Database } from '../persistence/database.js';
import { inTransaction } from '../persistence/transaction.js';
import type { Tables } from '../persistence/tables.js';

const RETRY_MS = 1_000;

/** What is to become of a request whose caller has been told of a failure of storage. */
export interface LateSettlement {
  readonly settlement: Settlement;
  /** Nothing was handed over and nothing is kept for a retry: a charge that came through after all is given back. */
  readonly refunds: boolean;
  /** In the transaction of that return, or alone where the charge stays; see `AnswerSink`. */
  readonly revert?: ((trx: Transaction<Tables>) => Promise<void>) | undefined;
}

/**
 * Requests whose hold or settlement could not be made durable in time. Their callers were told of a failure, so they
 * are resolved like those of a dead process, as soon as the database is back: what was relayed is charged, the rest
 * given back. What this process does not live to resolve, the sweeper of the next one does.
 */
@Injectable()
export class SettlementRetryService {
  private readonly waiting = new Map<string, LateSettlement>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settlements: SettlementService,
    private readonly undelivered: UndeliveredService,
    private readonly database: Database,
    private readonly log: LogService,
  ) {}

  add(late: LateSettlement): void {
    this.waiting.set(late.settlement.metadata.requestId, late);
    this.schedule();
  }

  /** One more try for all, now: the process is about to leave. Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await Promise.all([...this.waiting.values()].map((late) => this.retry(late)));
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      void this.flush().then(() => {
        if (this.waiting.size > 0) this.schedule();
      });
    }, RETRY_MS).unref();
  }

  private async retry(late: LateSettlement): Promise<void> {
    const { requestId, accountId } = late.settlement.metadata;
    try {
      await this.resolve(late);
      this.waiting.delete(requestId);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.log.warn({ request_id: requestId, account_id: accountId, reason }, 'not settled yet');
    }
  }

  private async resolve({ settlement, refunds, revert }: LateSettlement): Promise<void> {
    const { requestId, accountId } = settlement.metadata;
    try {
      await this.settlements.settle(settlement);
      this.log.info({ request_id: requestId }, 'settled late');
    } catch (error) {
      if (!(error instanceof HoldLostError)) throw error;
      // Resolved by a sweeper, or by the first attempt, whose acknowledgement came too late.
      if (refunds) await this.undelivered.refund(accountId, requestId, revert);
      else if (revert) await inTransaction(this.database.kysely, revert);
    }
  }
}

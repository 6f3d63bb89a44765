import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import { inTransaction } from '../persistence/transaction.js';
import { BalanceRepository } from './balance.repository.js';
import { budgetPlaceOf, budgetPlacesOf } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldRepository } from './hold.repository.js';
import { LedgerRepository } from './ledger.repository.js';
import { LedgerService } from './ledger.service.js';

/** Gives back what was charged for an answer that nobody got. */
@Injectable()
export class UndeliveredService {
  constructor(
    private readonly database: Database,
    private readonly balances: BalanceRepository,
    private readonly holds: HoldRepository,
    private readonly budgets: BudgetRepository,
    private readonly entries: LedgerRepository,
    private readonly ledger: LedgerService,
  ) {}

  /**
   * Gives back what a request was charged, to its account and its key's budget, where it was charged at all: its commit
   * came through after the caller had been told that it did not, and nothing was handed over. At most once a request.
   *
   * @param revert undoes in the same transaction what was written beside the charge; called only where there is one
   */
  refund(
    accountId: string,
    requestId: string,
    revert?: (trx: Transaction<Tables>) => Promise<void>,
  ): Promise<void> {
    return inTransaction(this.database.kysely, async (trx) => {
      const charged = await this.entries.findSettled(accountId, requestId, trx);
      if (charged === undefined) return;
      if (charged > 0n) await this.correct(trx, accountId, requestId, charged);
      await revert?.(trx);
    });
  }

  private async correct(
    trx: Transaction<Tables>,
    accountId: string,
    requestId: string,
    charged: bigint,
  ): Promise<void> {
    // The account first, as everywhere; what follows is asked when nobody else can do the same.
    await this.balances.lock(trx, [accountId]);
    const idempotencyKey = `undelivered:${requestId}`;
    if ((await this.entries.findByIdempotencyKey(accountId, idempotencyKey, trx)) !== undefined) return;
    await this.ledger.postIn(trx, {
      accountId,
      type: 'correction',
      amountHundredths: charged,
      reason: 'the answer could not be handed over',
      idempotencyKey,
      requestId,
    });
    const holds = [...(await this.holds.lock(trx, [requestId])).values()];
    const budgets = await this.budgets.tally(trx, budgetPlacesOf(holds));
    for (const hold of holds) {
      const place = budgetPlaceOf(hold);
      if (place !== undefined) budgets.giveBack(place, charged);
    }
    await this.budgets.save(trx, budgets);
  }
}

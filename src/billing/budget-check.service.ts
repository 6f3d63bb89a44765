import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { budgetWindow } from '../common/money/budget.js';
import type { Principal } from '../common/principal.js';
import { BalanceRepository } from './balance.repository.js';
import { BudgetExceededError, InsufficientCreditError } from './billing.errors.js';
import { BudgetTally } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldRepository } from './hold.repository.js';

/** Answers that another key of the account has paid for, and budgets. */
@Injectable()
export class BudgetCheckService {
  constructor(
    private readonly holds: HoldRepository,
    private readonly budgets: BudgetRepository,
    private readonly balances: BalanceRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * A key with a budget may have the answer to a request of another key only while its budget has room for what that
   * request was held for: the answer is then one that the key could have asked for itself. Nothing is taken from it.
   *
   * @param requestId of the request that the answer was made for
   * @returns false where no credit is held for that request yet, so nobody can tell
   * @throws BudgetExceededError, DomainError `storage_unavailable`
   */
  async allowsAnswerTo(requestId: string, { keyId, budget }: Principal): Promise<boolean> {
    if (budget === null) return true;
    const hold = await this.holds.find(requestId);
    if (hold === undefined) return false;
    if (hold.keyId === keyId) return true;
    await this.refuseBeyondBudget(keyId, budget, hold.amountHundredths);
    return true;
  }

  /**
   * Refuses what no hold would be opened for now, before anything is done for it. Nothing is taken.
   * @throws InsufficientCreditError, BudgetExceededError, DomainError `storage_unavailable`
   */
  async refuseUnaffordable({ accountId, keyId, budget }: Principal, leastHundredths: bigint): Promise<void> {
    const balance = await this.balances.find(accountId);
    const available = balance === undefined ? 0n : balance.balanceHundredths - balance.heldHundredths;
    if (available < leastHundredths) throw new InsufficientCreditError(available, leastHundredths);
    if (budget !== null) await this.refuseBeyondBudget(keyId, budget, leastHundredths);
  }

  private async refuseBeyondBudget(
    keyId: string,
    budget: NonNullable<Principal['budget']>,
    hundredths: bigint,
  ): Promise<void> {
    const place = { keyId, window: budgetWindow(budget.period, this.clock.nowMs()) };
    const states = (await this.budgets.list([place])).filter((state) => state !== undefined);
    const available = new BudgetTally(states).availableOf(place, budget.limitHundredths);
    if (available < hundredths) throw new BudgetExceededError(available, hundredths);
  }
}

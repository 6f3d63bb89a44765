import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { budgetWindow } from '../common/money/budget.js';
import type { Principal } from '../common/principal.js';
import { BudgetExceededError } from './billing.errors.js';
import { BudgetTally } from './budget-tally.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldRepository } from './hold.repository.js';

/** Answers that another key of the account has paid for, and budgets. */
@Injectable()
export class BudgetCheckService {
  constructor(
    private readonly holds: HoldRepository,
    private readonly budgets: BudgetRepository,
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
    const place = { keyId, window: budgetWindow(budget.period, this.clock.nowMs()) };
    const states = (await this.budgets.list([place])).filter((state) => state !== undefined);
    const available = new BudgetTally(states).availableOf(place, budget.limitHundredths);
    if (available < hold.amountHundredths) throw new BudgetExceededError(available);
    return true;
  }
}

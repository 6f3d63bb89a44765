import { Injectable } from '@nestjs/common';
import { BalanceRepository } from '../billing/balance.repository.js';
import { ExclusiveUseError } from '../billing/billing.errors.js';
import { HoldRepository } from '../billing/hold.repository.js';
import type { ChangeGuard } from './conversation-records.repository.js';
import type { Conversation } from './conversation.js';
import { exclusiveNameOf } from './exclusive-name.js';

/** Keeps changes by hand and turns apart: what is sent to a model and what is stored would else not be the same. */
@Injectable()
export class ConversationTurns {
  constructor(
    private readonly balances: BalanceRepository,
    private readonly holds: HoldRepository,
  ) {}

  /**
   * Refuses a change while a turn is going on. A turn that begins meanwhile waits for the change, and finds it by the
   * conversation's version.
   *
   * @returns a guard that throws ExclusiveUseError
   */
  refuseDuring(conversation: Conversation): ChangeGuard {
    const { accountId } = conversation;
    const name = exclusiveNameOf(conversation);
    return async (trx) => {
      // As every hold does first: nobody can open one until this transaction ends.
      await this.balances.lock(trx, [accountId]);
      if (await this.holds.isNameTaken(trx, accountId, name)) throw new ExclusiveUseError();
    };
  }
}

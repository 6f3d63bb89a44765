import { Injectable } from '@nestjs/common';
import type { Transaction } from 'kysely';
import { BalanceRepository } from '../billing/balance.repository.js';
import { ExclusiveUseError } from '../billing/billing.errors.js';
import { HoldRepository } from '../billing/hold.repository.js';
import type { Tables } from '../persistence/tables.js';
import type { ChangeGuard } from './conversation.repository.js';
import type { Conversation, ConversationScope } from './conversation.js';
import { exclusiveNameOf } from './exclusive-name.js';

/** Keeps manual changes and turns apart. Otherwise a model could be sent something else than is stored. */
@Injectable()
export class ConversationLockService {
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
    return async (trx) => {
      if (await this.isGoingOn(trx, conversation)) throw new ExclusiveUseError();
    };
  }

  /** Whether a turn is going on; if not, none begins until this transaction ends. */
  async isGoingOn(trx: Transaction<Tables>, scope: ConversationScope): Promise<boolean> {
    // As every hold does first.
    await this.balances.lock(trx, [scope.accountId]);
    return this.holds.isNameTaken(trx, scope.accountId, exclusiveNameOf(scope));
  }
}

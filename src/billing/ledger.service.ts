import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import { inTransaction } from '../persistence/transaction.js';
import { BalanceRepository, type Balance } from './balance.repository.js';
import { LedgerRepository } from './ledger.repository.js';
import { MoneyListeners } from './money-listeners.js';

/** A change that an operator, not a request, makes to a balance. */
export interface Posting {
  readonly accountId: string;
  readonly type: 'grant' | 'purchase' | 'correction';
  /** Signed hundredths of a credit; only a correction may be negative. */
  readonly amountHundredths: bigint;
  readonly reason: string | undefined;
  /** A second posting with the same key, by the same account, changes nothing. */
  readonly idempotencyKey: string | undefined;
  /** The request that it makes good; absent: none. */
  readonly requestId?: string | undefined;
}

/** Credits that come and go other than by requests. */
@Injectable()
export class LedgerService {
  constructor(
    private readonly database: Database,
    private readonly balances: BalanceRepository,
    private readonly ledger: LedgerRepository,
    private readonly listeners: MoneyListeners,
    private readonly clock: Clock,
  ) {}

  /**
   * Posts and makes durable. At most once per idempotency key.
   *
   * @returns the balance afterwards
   * @throws DomainError `not_found` (no such account), `conflict` (the key was used for another amount, or the
   *   correction would leave less than nothing or less than is held)
   */
  post(posting: Posting): Promise<Balance> {
    return inTransaction(this.database.kysely, (trx) => this.postIn(trx, posting));
  }

  /** The same, as a part of the caller's transaction. */
  async postIn(trx: Kysely<Tables>, posting: Posting): Promise<Balance> {
    const { accountId, amountHundredths, idempotencyKey } = posting;
    const balance = (await this.balances.lock(trx, [accountId])).get(accountId);
    if (balance === undefined) throw new DomainError('not_found', 'There is no such account.');
    if (idempotencyKey !== undefined) {
      const earlier = await this.ledger.findByIdempotencyKey(accountId, idempotencyKey, trx);
      if (earlier !== undefined) {
        if (earlier.amountHundredths === amountHundredths && earlier.type === posting.type) return balance;
        throw new DomainError('conflict', 'This Idempotency-Key was used for another posting.');
      }
    }
    const after = balance.balanceHundredths + amountHundredths;
    if (after < balance.heldHundredths) {
      throw new DomainError('conflict', 'The account does not have that many credits available.');
    }
    await this.balances.change(trx, [{ accountId, balanceHundredths: amountHundredths, heldHundredths: 0n }]);
    const createdAtMs = this.clock.nowMs();
    await this.ledger.add(trx, [
      {
        ...posting,
        keyId: undefined,
        requestId: posting.requestId,
        priceVersion: undefined,
        usageSource: undefined,
        createdAtMs,
      },
    ]);
    await this.listeners.posted(trx, {
      accountId,
      beforeHundredths: balance.balanceHundredths,
      afterHundredths: after,
      atMs: createdAtMs,
    });
    return { ...balance, balanceHundredths: after };
  }
}

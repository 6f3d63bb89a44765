import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { AccountRepository, type Account } from './account.repository.js';
import { BalanceRepository } from '../billing/balance.repository.js';
import { LedgerService } from '../billing/ledger.service.js';
import { Clock } from '../common/clock/clock.js';
import { newRowId } from '../common/ids/ids.js';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import { inTransaction } from '../persistence/transaction.js';

/** Accounts: who pays. Brings identity and money together. */
@Injectable()
export class AccountsService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountRepository,
    private readonly balances: BalanceRepository,
    private readonly ledger: LedgerService,
    private readonly clock: Clock,
  ) {}

  /**
   * @param grantHundredths opening credits; 0n for none
   * @param conversationRetentionDays 0: nothing is stored; `undefined`: until deleted
   */
  create(name: string, grantHundredths: bigint, conversationRetentionDays?: number): Promise<Account> {
    const account: Account = {
      id: newRowId('acct'),
      name,
      createdAtMs: this.clock.nowMs(),
      conversationRetentionDays,
    };
    return inTransaction(this.database.kysely, async (trx) => {
      await this.createIn(trx, account, grantHundredths);
      return account;
    });
  }

  /** The same, as a part of the caller's transaction. */
  async createIn(trx: Kysely<Tables>, account: Account, grantHundredths: bigint): Promise<void> {
    await this.accounts.insert(account, trx);
    await this.balances.insertEmpty(account.id, trx);
    if (grantHundredths > 0n) {
      await this.ledger.postIn(trx, {
        accountId: account.id,
        type: 'grant',
        amountHundredths: grantHundredths,
        reason: 'opening credits',
        idempotencyKey: undefined,
      });
    }
  }
}

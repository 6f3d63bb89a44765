import { Injectable } from '@nestjs/common';
import { AccountRepository, type StoredAccount } from './account.repository.js';
import { ApiKeyService } from '../auth/api-key.service.js';
import { BalanceRepository, type Balance } from '../billing/balance.repository.js';
import { LedgerService, type Posting } from '../billing/ledger.service.js';
import { Clock } from '../common/clock/clock.js';
import type { Page, PageRequest } from '../common/page.js';
import type { StorageChanges } from '../quotas/storage-limits.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import type { StorageState } from '../quotas/storage-state.js';
import { AccountNotFoundError, VersionConflictError } from './accounts.errors.js';

export interface AccountWithBalance {
  readonly account: StoredAccount;
  readonly balance: Balance;
  readonly storage: StorageState;
}

/** What to change of an account; absent: nothing. */
export interface AccountEdit {
  readonly name?: string | undefined;
  /** The keys of a suspended account are refused. */
  readonly suspended?: boolean | undefined;
  /** 0: nothing is stored, and what there is will be erased; `null`: until deleted. */
  readonly conversationRetentionDays?: number | null | undefined;
  /** The most that it may store; `null`: the configured default. */
  readonly limits?: StorageChanges | undefined;
}

const NO_BALANCE: Balance = { balanceHundredths: 0n, heldHundredths: 0n };

/** Reads and changes accounts, for operators. */
@Injectable()
export class AccountAdminService {
  constructor(
    private readonly accounts: AccountRepository,
    private readonly apiKeys: ApiKeyService,
    private readonly balances: BalanceRepository,
    private readonly ledger: LedgerService,
    private readonly quotas: StorageQuotasService,
    private readonly clock: Clock,
  ) {}

  /** @throws AccountNotFoundError */
  async get(id: string): Promise<AccountWithBalance> {
    const account = await this.accounts.find(id);
    const storage = await this.quotas.stateOf(id);
    if (account === undefined || storage === undefined) throw new AccountNotFoundError();
    return { account, balance: (await this.balances.find(id)) ?? NO_BALANCE, storage };
  }

  /** Newest first. */
  async list(request: PageRequest): Promise<Page<AccountWithBalance>> {
    const { rows, hasMore } = await this.accounts.list(request);
    const ids = rows.map(({ id }) => id);
    const balances = await this.balances.findMany(ids);
    const storages = await this.quotas.statesOf(ids);
    return {
      rows: rows.flatMap((account) => {
        const storage = storages.get(account.id);
        return storage === undefined
          ? []
          : [{ account, balance: balances.get(account.id) ?? NO_BALANCE, storage }];
      }),
      hasMore,
    };
  }

  /**
   * @param expectedVersion `undefined`: whatever it is
   * @throws AccountNotFoundError, VersionConflictError
   */
  async change(
    id: string,
    { name, suspended, conversationRetentionDays, limits }: AccountEdit,
    expectedVersion?: number,
  ): Promise<AccountWithBalance> {
    const suspendedAtMs = suspended === true ? this.clock.nowMs() : suspended === false ? null : undefined;
    const changes = { name, suspendedAtMs, conversationRetentionDays, limits };
    const changed = await this.accounts.update(id, changes, expectedVersion);
    if (changed === undefined) {
      const { account } = await this.get(id);
      throw new VersionConflictError(account.version);
    }
    this.apiKeys.forget({ accountId: id });
    return this.get(id);
  }

  /**
   * Posts credits, at most once per idempotency key, and makes them durable.
   *
   * @returns the account afterwards
   * @throws AccountNotFoundError, DomainError `conflict`: the key was used for another posting, or the account does not
   *   have that much available
   */
  async post(posting: Posting): Promise<AccountWithBalance> {
    await this.get(posting.accountId);
    await this.ledger.post(posting);
    return this.get(posting.accountId);
  }
}

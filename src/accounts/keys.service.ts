import { Injectable } from '@nestjs/common';
import { AccountRepository } from './account.repository.js';
import type { ApiKeyChanges, NewApiKey, StoredApiKey } from '../auth/api-key.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeyService } from '../auth/api-key.service.js';
import { KeyListenersService } from './key-listeners.service.js';
import { displayPrefix, hashSecret, newApiKeySecret } from '../auth/secret.js';
import { BudgetRepository } from '../billing/budget.repository.js';
import { Clock } from '../common/clock/clock.js';
import { newRowId } from '../common/ids/ids.js';
import { budgetWindow } from '../common/money/budget.js';
import type { Page, PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { inTransaction } from '../persistence/transaction.js';
import { KeyChecksService } from './key-checks.service.js';
import {
  AccountNotFoundError,
  KeyNotFoundError,
  KeyRevokedError,
  VersionConflictError,
} from './accounts.errors.js';

/** What the creator of a key decides; absent limits are the house's own, or none. */
export type KeySettings = Pick<
  NewApiKey,
  | 'accountId'
  | 'name'
  | 'requestsPerMinute'
  | 'tokensPerMinute'
  | 'maxConcurrency'
  | 'allowedModels'
  | 'allowedIps'
  | 'budget'
  | 'expiresAtMs'
  | 'manageChatbots'
  | 'readConversations'
>;

/** A key and what is used of its budget in the present period. */
export interface KeyWithBudgetUse {
  /** Of a key that was made or changed: what the operator should look at, in sentences. */
  readonly warnings?: readonly string[];
  readonly key: StoredApiKey;
  readonly spentHundredths: bigint;
  readonly heldHundredths: bigint;
}

export interface KeyWithSecret extends KeyWithBudgetUse {
  /** Shown once: only its hash is stored. */
  readonly secret: string;
}

/** Makes, changes and ends keys. Each change holds at once in this process, elsewhere within `KEY_CACHE_TTL_MS`. */
@Injectable()
export class KeysService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountRepository,
    private readonly keys: ApiKeyRepository,
    private readonly apiKeys: ApiKeyService,
    private readonly listeners: KeyListenersService,
    private readonly budgets: BudgetRepository,
    private readonly checks: KeyChecksService,
    private readonly clock: Clock,
  ) {}

  /** @throws AccountNotFoundError; ValidationFailedError for a key that could never be used */
  async create(settings: KeySettings): Promise<KeyWithSecret> {
    this.checks.refuseUseless(settings);
    if ((await this.accounts.find(settings.accountId)) === undefined) throw new AccountNotFoundError();
    const secret = newApiKeySecret();
    const id = newRowId('key');
    await this.keys.insert({
      ...settings,
      id,
      ...stored(secret),
      createdAtMs: this.clock.nowMs(),
      revokedAtMs: undefined,
    });
    return { ...(await this.get(id)), secret, warnings: this.checks.warningsOf(settings) };
  }

  /** @throws KeyNotFoundError */
  async get(id: string): Promise<KeyWithBudgetUse> {
    const key = await this.keys.findAny(id);
    if (key === undefined) throw new KeyNotFoundError();
    return this.withBudgetUse(key);
  }

  /**
   * Newest first.
   * @param accountId `undefined`: of all accounts
   */
  async list(accountId: string | undefined, request: PageRequest): Promise<Page<KeyWithBudgetUse>> {
    const { rows, hasMore } = await this.keys.list(accountId, request);
    return { rows: await this.withBudgetUses(rows), hasMore };
  }

  /**
   * @param expectedVersion `undefined`: whatever it is
   * @throws KeyNotFoundError, KeyRevokedError, VersionConflictError
   */
  async change(id: string, changes: ApiKeyChanges, expectedVersion?: number): Promise<KeyWithBudgetUse> {
    const key = await this.keys.update(id, changes, expectedVersion);
    if (key === undefined) throw await this.whyNot(id);
    this.apiKeys.forget({ accountId: key.accountId, keyId: id });
    return { ...(await this.withBudgetUse(key)), warnings: this.checks.warningsOf(changes) };
  }

  /**
   * Gives a key another secret.
   *
   * @param overlapMs how long the present secret works on beside it; 0: no longer. One that was replaced before ends now.
   * @throws KeyNotFoundError, KeyRevokedError
   */
  async rotate(id: string, overlapMs: number): Promise<KeyWithSecret> {
    const secret = newApiKeySecret();
    const previousValidUntilMs = overlapMs === 0 ? undefined : this.clock.nowMs() + overlapMs;
    const key = await this.keys.replaceSecret(id, stored(secret), previousValidUntilMs);
    if (key === undefined) throw await this.whyNot(id);
    this.apiKeys.forget({ accountId: key.accountId, keyId: id });
    return { ...(await this.withBudgetUse(key)), secret };
  }

  /**
   * Ends a key for good; requests under way may finish. A second time changes nothing.
   * @throws KeyNotFoundError
   */
  async revoke(id: string): Promise<KeyWithBudgetUse> {
    const { key } = await this.get(id);
    const { accountId } = key;
    const revokedAtMs = this.clock.nowMs();
    await inTransaction(this.database.kysely, async (trx) => {
      if (!(await this.keys.revoke(accountId, id, revokedAtMs, trx))) return;
      await this.listeners.revoked(trx, { ...key, revokedAtMs });
    });
    this.apiKeys.forget({ accountId, keyId: id });
    return this.get(id);
  }

  /** Why a change found nothing to change. */
  private async whyNot(id: string): Promise<Error> {
    const { key } = await this.get(id);
    return key.revokedAtMs === undefined ? new VersionConflictError(key.version) : new KeyRevokedError();
  }

  private async withBudgetUse(key: StoredApiKey): Promise<KeyWithBudgetUse> {
    const [used] = await this.withBudgetUses([key]);
    return used ?? { key, spentHundredths: 0n, heldHundredths: 0n };
  }

  private async withBudgetUses(keys: readonly StoredApiKey[]): Promise<KeyWithBudgetUse[]> {
    const nowMs = this.clock.nowMs();
    const places = keys.map((key) => ({ keyId: key.id, window: budgetWindow(key.budgetPeriod, nowMs) }));
    const states = await this.budgets.list(places);
    return keys.map((key, index) => ({
      key,
      spentHundredths: states[index]?.spentHundredths ?? 0n,
      heldHundredths: states[index]?.heldHundredths ?? 0n,
    }));
  }
}

function stored(secret: string): Pick<NewApiKey, 'secretSha256' | 'displayPrefix'> {
  return { secretSha256: hashSecret(secret), displayPrefix: displayPrefix(secret) };
}

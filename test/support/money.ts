import { BalanceRepository } from '../../src/billing/balance.repository.js';
import { BudgetRepository } from '../../src/billing/budget.repository.js';
import { HoldRepository } from '../../src/billing/hold.repository.js';
import { HoldService } from '../../src/billing/hold.service.js';
import { LedgerRepository } from '../../src/billing/ledger.repository.js';
import { LedgerService } from '../../src/billing/ledger.service.js';
import { MoneyListeners } from '../../src/billing/money-listeners.js';
import { UndeliveredService } from '../../src/billing/undelivered.service.js';
import { SettlementService, type Settlement } from '../../src/billing/settlement.service.js';
import { SweeperService } from '../../src/billing/sweeper.service.js';
import { usageOf } from '../../src/billing/reported-usage.js';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import { SystemClock } from '../../src/common/clock/clock.js';
import type { Price } from '../../src/common/money/price.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { Database } from '../../src/persistence/database.js';
import type { GroupCommit } from '../../src/persistence/group-commit.js';
import { StorageQuotasService } from '../../src/quotas/storage-quotas.service.js';
import { ProcessIdentityService } from '../../src/persistence/process-identity.service.js';
import type { HoldMetadata } from '../../src/billing/hold-metadata.js';

/** A token of either kind costs a hundredth of a credit, so that amounts can be counted by hand. */
export const TOKEN_PRICE: Price = {
  version: 'a hundredth a token',
  promptPicoUsdPerToken: 50_000_000n,
  completionPicoUsdPerToken: 50_000_000n,
};

export interface Money {
  readonly balances: BalanceRepository;
  /** Of the process that lives. */
  readonly holds: HoldService;
  /** Of one that is about to die. */
  readonly doomedHolds: HoldService;
  readonly doomedId: string;
  readonly settlements: SettlementService;
  readonly sweeper: SweeperService;
  readonly ledger: LedgerService;
  readonly undelivered: UndeliveredService;
  /** Told of what these services do. */
  readonly listeners: MoneyListeners;
}

/** The services of billing over a database, without an application around them. */
export function moneyOn(database: Database, groupCommit: GroupCommit): Money {
  const clock = new SystemClock();
  const listeners = new MoneyListeners();
  const balances = new BalanceRepository(database);
  const budgets = new BudgetRepository(database);
  const holds = new HoldRepository(database);
  const entries = new LedgerRepository(database);
  const usage = new UsageRepository(database);
  const doomed = new ProcessIdentityService();
  const settlements = new SettlementService(
    groupCommit,
    balances,
    budgets,
    holds,
    entries,
    usage,
    listeners,
    loadConfig({ DATA_DIR: '.' }),
    clock,
  );
  const quotas = new StorageQuotasService(database, loadConfig({ DATA_DIR: '.' }));
  const holdsOf = (identity: ProcessIdentityService): HoldService =>
    new HoldService(groupCommit, balances, budgets, holds, quotas, identity, clock);
  const ledger = new LedgerService(database, balances, entries, listeners, clock);
  return {
    balances,
    holds: holdsOf(new ProcessIdentityService()),
    doomedHolds: holdsOf(doomed),
    doomedId: doomed.id,
    settlements,
    sweeper: new SweeperService(holds, settlements, clock),
    ledger,
    undelivered: new UndeliveredService(database, balances, holds, budgets, entries, ledger),
    listeners,
  };
}

type RequestIds = Pick<HoldMetadata, 'requestId' | 'accountId' | 'keyId'>;

export function metadataOf(request: RequestIds, promptTokens: number): HoldMetadata {
  return {
    requestId: request.requestId,
    accountId: request.accountId,
    keyId: request.keyId,
    clientRequestId: undefined,
    surface: 'qolaba',
    endpoint: 'chat',
    model: 'test/model',
    upstream: 'main',
    upstreamModel: 'model',
    streamed: false,
    promptTokens,
    price: TOKEN_PRICE,
  };
}

export function settlementOf(request: RequestIds, overrides: Partial<Settlement> = {}): Settlement {
  const metadata = metadataOf(request, 0);
  return {
    metadata,
    upstream: metadata.upstream,
    upstreamModel: metadata.upstreamModel,
    outcome: 'completed',
    move: 'settle',
    usage: usageOf(metadata.promptTokens, 0),
    usageSource: 'upstream',
    price: metadata.price,
    finishReason: 'stop',
    createdAtMs: Date.now(),
    firstTokenMs: undefined,
    durationMs: 1,
    failedAttempts: [],
    ...overrides,
  };
}

import { Module } from '@nestjs/common';
import { BalanceRepository } from './balance.repository.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldRepository } from './hold.repository.js';
import { HoldService } from './hold.service.js';
import { HousekeepingService } from './housekeeping.service.js';
import { LedgerRepository } from './ledger.repository.js';
import { LedgerService } from './ledger.service.js';
import { PriceVersionRepository } from './price-version.repository.js';
import { ProcessIdentity } from './process-identity.js';
import { ProcessRegistry } from './process-registry.js';
import { SettlementService } from './settlement.service.js';
import { SweeperService } from './sweeper.service.js';
import { TokenCounter } from './token-counter.js';
import { UsageRepository } from './usage.repository.js';

/** Money: holds, settlements, the ledger. Knows usage and prices; knows no HTTP and no upstream. */
@Module({
  providers: [
    BalanceRepository,
    BudgetRepository,
    HoldRepository,
    HoldService,
    LedgerRepository,
    LedgerService,
    PriceVersionRepository,
    ProcessIdentity,
    ProcessRegistry,
    HousekeepingService,
    SettlementService,
    SweeperService,
    TokenCounter,
    UsageRepository,
  ],
  exports: [
    BalanceRepository,
    BudgetRepository,
    HoldService,
    LedgerService,
    HousekeepingService,
    PriceVersionRepository,
    SettlementService,
    TokenCounter,
  ],
})
export class BillingModule {}

import { Module } from '@nestjs/common';
import { QuotasModule } from '../quotas/quotas.module.js';
import { BalanceRepository } from './balance.repository.js';
import { BudgetCheckService } from './budget-check.service.js';
import { BudgetRepository } from './budget.repository.js';
import { HoldRepository } from './hold.repository.js';
import { HoldService } from './hold.service.js';
import { HousekeepingService } from './housekeeping.service.js';
import { LedgerPagesRepository } from './ledger-pages.repository.js';
import { LedgerRepository } from './ledger.repository.js';
import { LedgerService } from './ledger.service.js';
import { MoneyListeners } from './money-listeners.js';
import { PriceVersionRepository } from './price-version.repository.js';
import { RequestRecordRepository } from './request-record.repository.js';
import { SettlementService } from './settlement.service.js';
import { SweeperService } from './sweeper.service.js';
import { TokenCounter } from './token-counter.js';
import { UndeliveredService } from './undelivered.service.js';
import { LedgerVerificationService } from './ledger-verification.service.js';
import { UsageReportRepository } from './usage-report.repository.js';
import { UsageRepository } from './usage.repository.js';

/** Money: holds, settlements, the ledger. Knows usage and prices; knows no HTTP and no upstream. */
@Module({
  imports: [QuotasModule],
  providers: [
    BalanceRepository,
    BudgetCheckService,
    BudgetRepository,
    HoldRepository,
    HoldService,
    LedgerPagesRepository,
    LedgerRepository,
    LedgerService,
    MoneyListeners,
    PriceVersionRepository,
    HousekeepingService,
    SettlementService,
    SweeperService,
    TokenCounter,
    UndeliveredService,
    LedgerVerificationService,
    UsageReportRepository,
    UsageRepository,
    RequestRecordRepository,
  ],
  exports: [
    BalanceRepository,
    BudgetCheckService,
    BudgetRepository,
    HoldRepository,
    HoldService,
    LedgerPagesRepository,
    LedgerService,
    MoneyListeners,
    RequestRecordRepository,
    LedgerVerificationService,
    UsageReportRepository,
    HousekeepingService,
    PriceVersionRepository,
    SettlementService,
    TokenCounter,
    UndeliveredService,
  ],
})
export class BillingModule {}

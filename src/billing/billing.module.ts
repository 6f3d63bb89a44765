import { Module } from '@nestjs/common';
import { PriceVersionRepository } from './price-version.repository.js';
import { SettlementService } from './settlement.service.js';
import { TokenCounter } from './token-counter.js';
import { UsageRepository } from './usage.repository.js';

/** From token counts to durable rows. Knows usage and prices; knows no HTTP and no upstream. */
@Module({
  providers: [SettlementService, TokenCounter, UsageRepository, PriceVersionRepository],
  exports: [SettlementService, TokenCounter, PriceVersionRepository],
})
export class BillingModule {}

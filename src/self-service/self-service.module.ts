import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { BillingModule } from '../billing/billing.module.js';
import {
  LightningrodSelfServiceController,
  QolabaSelfServiceController,
  WaterflaiSelfServiceController,
} from './self-service.controller.js';

/** What keys may ask about themselves. */
@Module({
  imports: [AccountsModule, BillingModule],
  controllers: [
    WaterflaiSelfServiceController,
    QolabaSelfServiceController,
    LightningrodSelfServiceController,
  ],
})
export class SelfServiceModule {}

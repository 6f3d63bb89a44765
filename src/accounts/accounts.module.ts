import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module.js';
import { AccountsService } from './accounts.service.js';
import { BootstrapService } from './bootstrap.service.js';

@Module({
  imports: [BillingModule],
  providers: [AccountsService, BootstrapService],
  exports: [AccountsService, BootstrapService],
})
export class AccountsModule {}

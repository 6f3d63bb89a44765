import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { ModelsModule } from '../models/models.module.js';
import { QuotasModule } from '../quotas/quotas.module.js';
import { AccountAdminService } from './account-admin.service.js';
import { AccountRepository } from './account.repository.js';
import { AccountsService } from './accounts.service.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { BootstrapService } from './bootstrap.service.js';
import { KeyChecksService } from './key-checks.service.js';
import { KeyListenersService } from './key-listeners.service.js';
import { KeysService } from './keys.service.js';
import { RequestStoriesService } from './request-stories.service.js';

@Module({
  imports: [AuthModule, BillingModule, ModelsModule, QuotasModule],
  providers: [
    AccountAdminService,
    AccountRepository,
    AccountsService,
    ApiKeyRepository,
    BootstrapService,
    KeyChecksService,
    KeyListenersService,
    KeysService,
    RequestStoriesService,
  ],
  exports: [
    AccountAdminService,
    AccountRepository,
    ApiKeyRepository,
    KeyListenersService,
    AccountsService,
    BootstrapService,
    KeysService,
    RequestStoriesService,
  ],
})
export class AccountsModule {}

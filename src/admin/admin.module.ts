import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { ChatbotsModule } from '../chatbots/chatbots.module.js';
import { ConversationsModule } from '../conversations/conversations.module.js';
import { InferenceModule } from '../inference/inference.module.js';
import { AccountsController } from './accounts.controller.js';
import { ChatbotsController } from './chatbots.controller.js';
import { ConfigurationController } from './configuration.controller.js';
import { KeysController } from './keys.controller.js';
import { LedgerController } from './ledger.controller.js';
import { RequestsController } from './requests.controller.js';
import { UsageController } from './usage.controller.js';

/** The operator's routes, `/admin/v1`. */
@Module({
  imports: [AuthModule, AccountsModule, BillingModule, ChatbotsModule, ConversationsModule, InferenceModule],
  controllers: [
    AccountsController,
    ChatbotsController,
    ConfigurationController,
    KeysController,
    LedgerController,
    RequestsController,
    UsageController,
  ],
})
export class AdminModule {}

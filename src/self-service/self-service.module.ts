import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { ChatbotsModule } from '../chatbots/chatbots.module.js';
import {
  LightningrodChatbotsController,
  QolabaChatbotsController,
  WaterflaiChatbotsController,
} from './chatbots.controller.js';
import {
  LightningrodSelfServiceController,
  QolabaSelfServiceController,
  WaterflaiSelfServiceController,
} from './self-service.controller.js';

/** What keys may ask about themselves. */
@Module({
  imports: [AccountsModule, BillingModule, ChatbotsModule],
  controllers: [
    WaterflaiChatbotsController,
    QolabaChatbotsController,
    LightningrodChatbotsController,
    WaterflaiSelfServiceController,
    QolabaSelfServiceController,
    LightningrodSelfServiceController,
  ],
})
export class SelfServiceModule {}

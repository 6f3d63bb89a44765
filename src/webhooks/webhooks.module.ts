import { Module } from '@nestjs/common';
import { AccountsModule } from '../accounts/accounts.module.js';
import { BillingModule } from '../billing/billing.module.js';
import { DeliveryTimes } from './delivery-times.js';
import { EventWriterService } from './event-writer.service.js';
import { OutboxRepository } from './outbox.repository.js';
import { WebhookDispatcherService } from './webhook-dispatcher.service.js';

/** Tells the operator's receiver what happens to credits and keys. */
@Module({
  imports: [AccountsModule, BillingModule],
  providers: [DeliveryTimes, EventWriterService, OutboxRepository, WebhookDispatcherService],
})
export class WebhooksModule {}

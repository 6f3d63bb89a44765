import { Module } from '@nestjs/common';
import { BillingModule } from '../billing/billing.module.js';
import { DeliveryTimes } from './delivery-times.js';
import { EventWriter } from './event-writer.service.js';
import { OutboxRepository } from './outbox.repository.js';
import { WebhookDispatcher } from './webhook-dispatcher.service.js';

/** Tells the operator's receiver what happens to credits and keys. */
@Module({
  imports: [BillingModule],
  providers: [DeliveryTimes, EventWriter, OutboxRepository, WebhookDispatcher],
})
export class WebhooksModule {}

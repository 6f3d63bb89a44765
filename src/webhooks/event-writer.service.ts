import { Injectable, type OnModuleInit } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { KeyListenersService, type KeyListener, type RevokedKey } from '../accounts/key-listeners.service.js';
import {
  MoneyListeners,
  type BalanceStep,
  type ChargedRequest,
  type MoneyListener,
} from '../billing/money-listeners.js';
import { AppConfig, type WebhookConfig } from '../config/app-config.js';
import type { Tables } from '../persistence/tables.js';
import { OutboxRepository } from './outbox.repository.js';
import { keyRevoked, lowBalance, requestSettled, type WebhookEvent } from './webhook-event.js';

/** Puts events into the outbox, in the transactions of what they tell. Without a receiver it listens to nothing. */
@Injectable()
export class EventWriterService implements MoneyListener, KeyListener, OnModuleInit {
  private readonly webhooks: WebhookConfig | undefined;

  constructor(
    { webhooks }: AppConfig,
    private readonly money: MoneyListeners,
    private readonly keys: KeyListenersService,
    private readonly outbox: OutboxRepository,
  ) {
    this.webhooks = webhooks;
  }

  onModuleInit(): void {
    if (this.webhooks === undefined) return;
    this.money.add(this);
    this.keys.add(this);
  }

  charged(trx: Kysely<Tables>, requests: readonly ChargedRequest[]): Promise<void> {
    const events = requests.flatMap((request) => [
      requestSettled(request),
      ...this.lowBalances(request, request.record.requestId),
    ]);
    return this.outbox.add(trx, events);
  }

  posted(trx: Kysely<Tables>, step: BalanceStep): Promise<void> {
    return this.outbox.add(trx, this.lowBalances(step, undefined));
  }

  revoked(trx: Kysely<Tables>, key: RevokedKey): Promise<void> {
    return this.outbox.add(trx, [keyRevoked(key)]);
  }

  /** One when the balance has come down to the threshold or through it; none while it stays below. */
  private lowBalances(step: BalanceStep, requestId: string | undefined): WebhookEvent[] {
    const threshold = this.webhooks?.lowBalanceHundredths;
    if (threshold === undefined) return [];
    if (step.beforeHundredths <= threshold || step.afterHundredths > threshold) return [];
    return [lowBalance(step, threshold, requestId)];
  }
}

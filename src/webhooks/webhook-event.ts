import { unixSeconds } from '../common/clock/unix-seconds.js';
import type { RevokedKey } from '../accounts/key-listeners.service.js';
import type { BalanceStep, ChargedRequest } from '../billing/money-listeners.js';
import { newEventId } from '../common/ids/ids.js';
import { costUsd7, creditsNumber } from '../common/money/wire-amounts.js';

export type WebhookEventType = 'request.settled' | 'account.low_balance' | 'key.revoked';

/** Something that happened, ready to be told. Shapes of the bodies: docs/webhooks.md. */
export interface WebhookEvent {
  readonly id: string;
  readonly type: WebhookEventType;
  /** JSON. Names accounts, keys and requests by their ids; never a secret, a prompt or an answer. */
  readonly body: string;
  readonly createdAtMs: number;
}

export function requestSettled({ record, afterHundredths, atMs }: ChargedRequest): WebhookEvent {
  return newEvent('request.settled', atMs, {
    request_id: record.requestId,
    client_request_id: record.clientRequestId ?? null,
    account_id: record.accountId,
    key_id: record.keyId,
    surface: record.surface,
    endpoint: record.endpoint,
    model: record.model,
    streamed: record.streamed,
    outcome: record.outcome,
    finish_reason: record.finishReason ?? null,
    usage: {
      prompt_tokens: record.promptTokens,
      cached_prompt_tokens: record.cachedPromptTokens,
      completion_tokens: record.completionTokens,
      reasoning_tokens: record.reasoningTokens,
      total_tokens: record.promptTokens + record.completionTokens,
      usage_source: record.usageSource,
    },
    price_version: record.priceVersion,
    cost_usd: costUsd7(record.costNanoUsd),
    credits: creditsNumber(record.creditHundredths),
    balance: creditsNumber(afterHundredths),
  });
}

/** @param requestId whose charge it was; `undefined`: an operator took credits back */
export function lowBalance(
  { accountId, afterHundredths, atMs }: BalanceStep,
  thresholdHundredths: bigint,
  requestId: string | undefined,
): WebhookEvent {
  return newEvent('account.low_balance', atMs, {
    account_id: accountId,
    balance: creditsNumber(afterHundredths),
    threshold: creditsNumber(thresholdHundredths),
    request_id: requestId ?? null,
  });
}

export function keyRevoked(key: RevokedKey): WebhookEvent {
  return newEvent('key.revoked', key.revokedAtMs, {
    key_id: key.id,
    account_id: key.accountId,
    name: key.name,
    prefix: key.displayPrefix,
  });
}

function newEvent(type: WebhookEventType, atMs: number, data: object): WebhookEvent {
  const id = newEventId(atMs);
  const created = unixSeconds(atMs);
  return { id, type, createdAtMs: atMs, body: JSON.stringify({ object: 'event', id, type, created, data }) };
}

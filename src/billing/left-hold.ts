import type { HoldFacts } from './hold-facts.js';
import type { Hold } from './hold.repository.js';
import { usageOf } from './reported-usage.js';
import type { Settlement } from './settlement.service.js';

/**
 * How a hold is resolved that nobody serves any more, from what is stored with it: settled for the prompt and what was
 * relayed where the client was sent something, else given back.
 */
export function settlementOfLeft(
  hold: Pick<Hold, 'requestId' | 'accountId' | 'keyId' | 'relayedTokens' | 'openedAtMs'>,
  { price, promptTokens, ...facts }: HoldFacts,
  outcome: 'process_died' | 'settled_late',
  nowMs: number,
): Settlement {
  const relayed = hold.relayedTokens > 0;
  const givenBack = outcome === 'process_died' ? 'expire' : 'release';
  return {
    ...facts,
    requestId: hold.requestId,
    accountId: hold.accountId,
    keyId: hold.keyId,
    outcome,
    move: relayed ? 'settle' : givenBack,
    usage: relayed ? usageOf(promptTokens, hold.relayedTokens) : usageOf(0, 0),
    usageSource: 'estimated',
    price,
    finishReason: undefined,
    createdAtMs: hold.openedAtMs,
    firstTokenMs: undefined,
    failedAttempts: [],
    durationMs: Math.max(0, nowMs - hold.openedAtMs),
  };
}

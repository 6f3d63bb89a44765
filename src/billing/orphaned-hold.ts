import type { HoldMetadata } from './hold-metadata.js';
import type { Hold } from './hold.repository.js';
import { usageOf } from './reported-usage.js';
import type { Settlement } from './settlement.service.js';

/**
 * How a hold is resolved that nobody serves any more, from what is stored with it: settled for the prompt and what was
 * relayed where the client was sent something, else given back.
 */
export function settlementOfOrphan(
  { relayedTokens, openedAtMs }: Pick<Hold, 'relayedTokens' | 'openedAtMs'>,
  metadata: HoldMetadata,
  outcome: 'process_died' | 'settled_late',
  nowMs: number,
): Settlement {
  const relayed = relayedTokens > 0;
  const givenBack = outcome === 'process_died' ? 'expire' : 'release';
  return {
    metadata,
    upstream: metadata.upstream,
    upstreamModel: metadata.upstreamModel,
    outcome,
    move: relayed ? 'settle' : givenBack,
    usage: relayed ? usageOf(metadata.promptTokens, relayedTokens) : usageOf(0, 0),
    usageSource: 'estimated',
    price: metadata.price,
    finishReason: undefined,
    createdAtMs: openedAtMs,
    firstTokenMs: undefined,
    failedAttempts: [],
    durationMs: Math.max(0, nowMs - openedAtMs),
  };
}

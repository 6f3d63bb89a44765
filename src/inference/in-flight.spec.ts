import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../common/principal.js';
import { ConcurrencySlotsService } from '../throttling/concurrency-slots.service.js';
import { InFlight } from './in-flight.js';

const PRINCIPAL: Principal = {
  accountId: 'acct_1',
  keyId: 'key_1',
  requestsPerMinute: 1,
  tokensPerMinute: 1,
  allowedModels: null,
  maxConcurrency: null,
  budget: null,
  manageChatbots: false,
  readConversations: true,
  conversationRetentionDays: null,
};

describe('InFlight', () => {
  it('hears of a caller that leaves while its request is open, also of one that has left before', () => {
    const inFlight = new InFlight(new ConcurrencySlotsService());
    const leaving = new AbortController();
    const open = inFlight.enter(PRINCIPAL, leaving.signal);
    expect(open.signal.aborted).toBe(false);
    leaving.abort();
    expect(open.signal.aborted).toBe(true);
    expect(inFlight.enter(PRINCIPAL, leaving.signal).signal.aborted).toBe(true);
  });

  it('leaves nothing on a signal that outlives its requests', () => {
    const inFlight = new InFlight(new ConcurrencySlotsService());
    const shared = new AbortController().signal;
    const [first, second] = [inFlight.enter(PRINCIPAL, shared), inFlight.enter(PRINCIPAL, shared)];
    expect(getEventListeners(shared, 'abort')).toHaveLength(2);
    first.close();
    expect(getEventListeners(shared, 'abort')).toHaveLength(1);
    second.close();
    expect(getEventListeners(shared, 'abort')).toHaveLength(0);
  });
});

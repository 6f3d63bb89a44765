import { describe, expect, it } from '@jest/globals';
import type { Principal } from '../common/principal.js';
import { ConcurrencySlotsService } from './concurrency-slots.service.js';

function key(keyId: string, maxConcurrency: number | null): Principal {
  return {
    accountId: 'acct_1',
    keyId,
    requestsPerMinute: 1,
    tokensPerMinute: 1,
    allowedModels: null,
    maxConcurrency,
    budget: null,
    manageChatbots: false,
    readConversations: true,
    conversationRetentionDays: null,
  };
}

/** What taking a slot was refused with. */
function refusal(slots: ConcurrencySlotsService, principal: Principal): unknown {
  try {
    slots.take(principal);
  } catch (error) {
    return error;
  }
  return undefined;
}

const LIMITED = { code: 'concurrency_limited', retryAfterMs: 1_000 };

describe('ConcurrencySlotsService', () => {
  it('gives as many as the key may have, and another when one was given back', () => {
    const slots = new ConcurrencySlotsService();
    const release = slots.take(key('a', 2));
    slots.take(key('a', 2));
    expect(refusal(slots, key('a', 2))).toMatchObject(LIMITED);
    release();
    slots.take(key('a', 2));
    expect(refusal(slots, key('a', 2))).toMatchObject(LIMITED);
  });

  it('a refusal takes nothing', () => {
    const slots = new ConcurrencySlotsService();
    const release = slots.take(key('a', 1));
    for (let i = 0; i < 3; i += 1) expect(refusal(slots, key('a', 1))).toMatchObject(LIMITED);
    release();
    expect(slots.inUse('a')).toBe(0);
  });

  it('what is given back twice counts once', () => {
    const slots = new ConcurrencySlotsService();
    const release = slots.take(key('a', 2));
    slots.take(key('a', 2));
    release();
    release();
    expect(slots.inUse('a')).toBe(1);
  });

  it('keys share nothing, and a key without a limit has none', () => {
    const slots = new ConcurrencySlotsService();
    slots.take(key('a', 1));
    slots.take(key('b', 1));
    for (let i = 0; i < 50; i += 1) slots.take(key('c', null));
    expect(slots.inUse('c')).toBe(50);
  });

  it('a limit that is made smaller holds for the next', () => {
    const slots = new ConcurrencySlotsService();
    const releases = [slots.take(key('a', 3)), slots.take(key('a', 3))];
    expect(refusal(slots, key('a', 1))).toMatchObject(LIMITED);
    for (const release of releases) release();
    slots.take(key('a', 1));
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { conversationKey } from './conversation-key.js';
import { newConversationId, newConversationRowId } from './ids.js';

const AT_MS = 1_790_000_000_000;

describe('conversationKey', () => {
  it.each([newConversationId, newConversationRowId])('orders our ids by their time', (newId) => {
    const times = Array.from({ length: 20 }, (_, index) => AT_MS + index * 1_000);
    const keys = times.map((atMs) => conversationKey('acct_1', newId(atMs)));
    expect(keys.toSorted()).toEqual(keys);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('says nothing of the ids that clients make', () => {
    for (const id of ['maria@example.com', 'ffffffff-ffff-4fff-bfff-ffffffffffff', 'conv_of_maria']) {
      expect(conversationKey('acct_1', id)).toMatch(/^[\w-]{43}$/);
    }
  });

  it('is another one under another account', () => {
    for (const id of ['chat', newConversationId(), newConversationRowId()]) {
      expect(conversationKey('acct_1', id)).not.toBe(conversationKey('acct_2', id));
    }
  });
});

describe('newConversationId', () => {
  it('has the form of a random UUID, and most of its bits are random', () => {
    const ids = Array.from({ length: 1_000 }, () => newConversationId(AT_MS));
    for (const id of ids) {
      expect(id).toMatch(/^01a0c450-6c00-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(id).toHaveLength(randomUUID().length);
    }
    expect(new Set(ids.map((id) => id.slice(14))).size).toBe(ids.length);
  });
});

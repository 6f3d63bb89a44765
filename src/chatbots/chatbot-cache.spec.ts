import { describe, expect, it } from '@jest/globals';
import type { ResolvedChatbot } from './chatbot.js';
import { ChatbotCache } from './chatbot-cache.js';

function aChatbot(id: string, promptChars = 0): ResolvedChatbot {
  return {
    chatbot: {
      id,
      accountId: 'acct_1',
      keyIds: undefined,
      newestVersion: 1,
      publishedVersion: 1,
      revision: 1,
      createdAtMs: 1,
      updatedAtMs: 1,
    },
    version: {
      chatbotId: id,
      version: 1,
      settings: {
        name: id,
        description: '',
        model: 'm',
        systemPrompt: 'x'.repeat(promptChars),
        variables: {},
        sampling: {},
        memory: { kind: 'window' },
        overrides: [],
        acceptsInstructions: false,
      },
      restoredFrom: undefined,
      createdAtMs: 1,
    },
  };
}

describe('ChatbotCache', () => {
  it('gives a chatbot to its account until it has grown old or is forgotten', () => {
    const cache = new ChatbotCache();
    const chatbot = aChatbot('bot_1');
    cache.put(chatbot, 100);
    expect(cache.find('acct_1', 'bot_1', 99)).toBe(chatbot);
    expect(cache.find('acct_1', 'bot_1', 100)).toBeUndefined();
    expect(cache.find('acct_2', 'bot_1', 0)).toBeUndefined();
    cache.forget('acct_2', 'bot_1');
    expect(cache.find('acct_1', 'bot_1', 0)).toBe(chatbot);
    cache.forget('acct_1', 'bot_1');
    expect(cache.find('acct_1', 'bot_1', 0)).toBeUndefined();
  });

  it('holds as much as it may, be that many small ones or few large ones; the oldest go', () => {
    const cache = new ChatbotCache(100_000);
    const isThere = (id: string): boolean => cache.find('acct_1', id, 0) !== undefined;
    for (let i = 0; i < 200; i += 1) cache.put(aChatbot(`bot_${i}`), 100);
    const kept = Array.from({ length: 200 }, (_, i) => isThere(`bot_${i}`));
    expect(kept.indexOf(true)).toBeGreaterThan(0);
    expect(kept.slice(kept.indexOf(true))).not.toContain(false);
    cache.put(aChatbot('bot_long', 90_000), 100);
    expect([isThere('bot_long'), isThere('bot_100'), isThere('bot_199')]).toEqual([true, false, true]);
    cache.put(aChatbot('bot_huge', 200_000), 100);
    expect([isThere('bot_huge'), isThere('bot_long'), isThere('bot_199')]).toEqual([false, false, false]);
  });

  it('counts a chatbot once, however often it is read again', () => {
    const cache = new ChatbotCache(100_000);
    cache.put(aChatbot('bot_other'), 100);
    for (let i = 0; i < 50; i += 1) cache.put(aChatbot('bot_1', 50_000), 100);
    expect(cache.find('acct_1', 'bot_other', 0)).toBeDefined();
  });
});

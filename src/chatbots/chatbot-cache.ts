import { BoundedCache } from '../common/bounded-cache.js';
import type { ResolvedChatbot } from './chatbot.js';

interface Cached {
  readonly found: ResolvedChatbot;
  /** Monotonic. */
  readonly freshUntilMs: number;
}

/** What is kept in memory, counted in characters of settings: a chatbot may be as long as a book or a line. */
const MAX_CACHED_CHARS = 32 * 1024 * 1024;
/** Counted for all that is not settings. */
const CHARS_OF_A_HEAD = 512;

/** Published chatbots as they were read last, within a bound. */
export class ChatbotCache {
  private readonly entries: BoundedCache<Cached>;

  constructor(maxChars = MAX_CACHED_CHARS) {
    this.entries = new BoundedCache(maxChars, ({ found }) => CHARS_OF_A_HEAD + lengthOf(found));
  }

  /** @returns `undefined` also for what has grown old */
  find(accountId: string, id: string, nowMs: number): ResolvedChatbot | undefined {
    const cached = this.entries.get(keyOf(accountId, id));
    return cached !== undefined && nowMs < cached.freshUntilMs ? cached.found : undefined;
  }

  put(found: ResolvedChatbot, freshUntilMs: number): void {
    const { id, accountId } = found.chatbot;
    this.entries.set(keyOf(accountId, id), { found, freshUntilMs });
  }

  forget(accountId: string, id: string): void {
    this.entries.delete(keyOf(accountId, id));
  }
}

/** With the owner in it: another account's chatbot is looked up like one that never was. */
function keyOf(accountId: string, id: string): string {
  return `${accountId}/${id}`;
}

function lengthOf({ chatbot, version: { settings } }: ResolvedChatbot): number {
  return JSON.stringify(settings).length + (chatbot.keyIds?.join('').length ?? 0);
}

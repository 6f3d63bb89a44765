import type { ResolvedChatbot } from './chatbot.js';

interface Cached {
  readonly found: ResolvedChatbot;
  readonly chars: number;
  /** Monotonic. */
  readonly freshUntilMs: number;
}

/** What is kept in memory, counted in characters of settings: a chatbot may be as long as a book or a line. */
const MAX_CACHED_CHARS = 32 * 1024 * 1024;
/** Counted for all that is not settings. */
const CHARS_OF_A_HEAD = 512;

/** Published chatbots as they were read last, within a bound; the one that was read longest ago makes room. */
export class ChatbotCache {
  private readonly entries = new Map<string, Cached>();
  private chars = 0;

  constructor(private readonly maxChars = MAX_CACHED_CHARS) {}

  /** @returns `undefined` also for what has grown old */
  find(accountId: string, id: string, nowMs: number): ResolvedChatbot | undefined {
    const cached = this.entries.get(keyOf(accountId, id));
    return cached !== undefined && nowMs < cached.freshUntilMs ? cached.found : undefined;
  }

  put(found: ResolvedChatbot, freshUntilMs: number): void {
    const { id, accountId } = found.chatbot;
    this.forget(accountId, id);
    const chars = CHARS_OF_A_HEAD + lengthOf(found);
    this.entries.set(keyOf(accountId, id), { found, chars, freshUntilMs });
    this.chars += chars;
    for (const key of this.entries.keys()) {
      if (this.chars <= this.maxChars) break;
      this.drop(key);
    }
  }

  forget(accountId: string, id: string): void {
    this.drop(keyOf(accountId, id));
  }

  private drop(key: string): void {
    const cached = this.entries.get(key);
    if (cached === undefined) return;
    this.entries.delete(key);
    this.chars -= cached.chars;
  }
}

/** With the owner in it: another account's chatbot is looked up like one that never was. */
function keyOf(accountId: string, id: string): string {
  return `${accountId}/${id}`;
}

function lengthOf({ chatbot, version: { settings } }: ResolvedChatbot): number {
  return JSON.stringify(settings).length + (chatbot.keyIds?.join('').length ?? 0);
}

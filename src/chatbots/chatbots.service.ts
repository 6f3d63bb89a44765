import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { parseChatbotId } from '../common/ids/chatbot-id.js';
import type { Principal } from '../common/principal.js';
import { ModelNotFoundError } from '../models/models.errors.js';
import type { Chatbot, ResolvedChatbot } from './chatbot.js';
import { ChatbotCache } from './chatbot-cache.js';
import { ChatbotRepository, type VersionName } from './chatbot.repository.js';
import { ChatbotNotAllowedError, ChatbotNotPublishedError } from './chatbots.errors.js';

/** Longest time that another process's change of a chatbot may go unnoticed here. */
export const CACHE_TTL_MS = 1_000;

/** Whether a key may use a chatbot of its account: it is among the chatbot's keys, and the chatbot among its models. */
export function mayUse(principal: Principal, { id, keyIds }: Pick<Chatbot, 'id' | 'keyIds'>): boolean {
  const { allowedModels, keyId } = principal;
  // The model behind it is not asked for: whoever may use that one may not use what was built on it, nor the reverse.
  return (keyIds?.includes(keyId) ?? true) && (allowedModels?.includes(id) ?? true);
}

/**
 * Name → chatbot, for those who call it. What is published is answered from memory for `CACHE_TTL_MS`; a change in this
 * process takes effect at once (see `forget`). What does not exist is looked up each time, so it fills no memory.
 */
@Injectable()
export class ChatbotsService {
  private readonly cache = new ChatbotCache();
  private changed = 0;

  constructor(
    private readonly repository: ChatbotRepository,
    private readonly clock: Clock,
  ) {}

  /** How often a chatbot was changed in this process: what was read before the last time may be old. */
  get changes(): number {
    return this.changed;
  }

  /**
   * The chatbot that a request names, in the version that its callers get, or in the one named after `@`, which only
   * keys that may manage chatbots can.
   *
   * @param modelId `model` of the request, of which `isChatbotId` is true
   * @throws ModelNotFoundError, in the same words for what is another account's, is no more, never was, or is not
   *   published; ChatbotNotAllowedError where the account has it and the key may not use it; ChatbotNotPublishedError to
   *   keys that may manage it; DomainError `storage_unavailable`
   */
  async resolve(modelId: string, principal: Principal): Promise<ResolvedChatbot> {
    const { id, version } = parseChatbotId(modelId);
    if (version !== 'published' && !principal.manageChatbots) throw new ModelNotFoundError(modelId);
    const found =
      version === 'published'
        ? await this.findPublished(principal.accountId, id)
        : await this.repository.find(principal.accountId, id, version);
    if (found === undefined) {
      throw (await this.isDraft(id, version, principal))
        ? new ChatbotNotPublishedError(id)
        : new ModelNotFoundError(modelId);
    }
    if (!mayUse(principal, found.chatbot)) throw new ChatbotNotAllowedError();
    return found;
  }

  /** Drops a chatbot from memory: called after each change in this process. */
  forget(accountId: string, id: string): void {
    this.changed += 1;
    this.cache.forget(accountId, id);
  }

  /** @returns `undefined`: the account has none such that is published */
  async findPublished(accountId: string, id: string): Promise<ResolvedChatbot | undefined> {
    const cached = this.cache.find(accountId, id, this.clock.monotonicMs());
    if (cached !== undefined) return cached;
    const { changes } = this;
    const readAtMs = this.clock.monotonicMs();
    const found = await this.repository.find(accountId, id, 'published');
    // What was read while a chatbot changed may be old.
    if (found !== undefined && changes === this.changes) this.cache.put(found, readAtMs + CACHE_TTL_MS);
    return found;
  }

  private async isDraft(id: string, version: VersionName, principal: Principal): Promise<boolean> {
    if (version !== 'published' || !principal.manageChatbots) return false;
    return (await this.repository.find(principal.accountId, id, 'draft')) !== undefined;
  }
}

import { Injectable, type OnModuleInit } from '@nestjs/common';
import { BoundedCache } from '../common/bounded-cache.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { Clock } from '../common/clock/clock.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import type { Principal } from '../common/principal.js';
import type { ModelObject } from '../contracts/openai/model.dto.js';
import { AccountModelsService, type AccountModelSource } from '../models/account-models.service.js';
import { CatalogueService } from '../models/catalogue.service.js';
import { isPriced } from '../models/model.js';
import { toModelObject } from '../models/model-object.js';
import type { ResolvedChatbot } from './chatbot.js';
import { toListing } from './chatbot-listing.js';
import { ChatbotListsRepository, type ListedChatbot } from './chatbot-lists.repository.js';
import { CACHE_TTL_MS, ChatbotsService, mayUse } from './chatbots.service.js';

interface CachedList {
  readonly chatbots: readonly ListedChatbot[];
  /** Monotonic. */
  readonly freshUntilMs: number;
  /** `ChatbotsService.changes` when it was read. */
  readonly changes: number;
}

const MAX_CACHED_CHATBOTS = 20_000;
/** An account without any counts as this many. */
const COST_OF_A_LIST = 0.2;

/** Shows an account's published chatbots among the models, to the keys that may use them. */
@Injectable()
export class ChatbotModelsService implements AccountModelSource, OnModuleInit {
  private readonly lists = new BoundedCache<CachedList>(
    MAX_CACHED_CHATBOTS,
    ({ chatbots }) => COST_OF_A_LIST + chatbots.length,
  );

  constructor(
    private readonly accountModels: AccountModelsService,
    private readonly catalogue: CatalogueService,
    private readonly chatbots: ChatbotsService,
    private readonly repository: ChatbotListsRepository,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    this.accountModels.add(this);
  }

  async list(principal: Principal): Promise<ModelObject[]> {
    const listed = await this.listOf(principal.accountId);
    return listed
      .filter((chatbot) => mayUse(principal, chatbot))
      .map((chatbot) => this.toModel(chatbot))
      .filter((model) => model !== undefined);
  }

  async find(id: string, principal: Principal): Promise<ModelObject | undefined> {
    if (!isChatbotId(id)) return undefined;
    const found = await this.chatbots.findPublished(principal.accountId, id);
    return found !== undefined && mayUse(principal, found.chatbot)
      ? this.toModel(toListed(found))
      : undefined;
  }

  private async listOf(accountId: string): Promise<readonly ListedChatbot[]> {
    const nowMs = this.clock.monotonicMs();
    const { changes } = this.chatbots;
    const cached = this.lists.get(accountId);
    if (cached !== undefined && nowMs < cached.freshUntilMs && cached.changes === changes)
      return cached.chatbots;
    const chatbots = await this.repository.listPublished(accountId);
    this.lists.set(accountId, { chatbots, freshUntilMs: nowMs + CACHE_TTL_MS, changes });
    return chatbots;
  }

  /** @returns `undefined`: the model behind it cannot be called, so neither can it */
  private toModel(chatbot: ListedChatbot): ModelObject | undefined {
    const model = this.catalogue.find(chatbot.model);
    if (model === undefined || !isPriced(model)) return undefined;
    const { accountId, maxTokens } = chatbot;
    const limits = [model.maxCompletionTokens, maxTokens ?? 0].filter((limit) => limit > 0);
    return {
      ...toModelObject(model, accountId),
      id: chatbot.id,
      created: unixSeconds(chatbot.createdAtMs),
      owned_by: accountId,
      name: chatbot.name,
      description: chatbot.description,
      max_completion_tokens: limits.length === 0 ? 0 : Math.min(...limits),
    };
  }
}

function toListed({ chatbot, version }: ResolvedChatbot): ListedChatbot {
  const { id, accountId, keyIds, createdAtMs } = chatbot;
  return { id, accountId, keyIds, createdAtMs, ...toListing(version.settings) };
}

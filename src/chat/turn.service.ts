import { Injectable } from '@nestjs/common';
import { applySettings } from '../chatbots/apply-settings.js';
import type { ResolvedChatbot } from '../chatbots/chatbot.js';
import { renderSystemPrompt } from '../chatbots/system-prompt.js';
import { DEFAULT_MEMORY } from '../common/memory-policy.js';
import type { RequestProvenance } from '../contracts/accounts/request-provenance.js';
import type { ChatCompletionRequest, ChatMessage } from '../contracts/openai/chat-completion.js';
import { hasMedia } from '../contracts/openai/message-texts.js';
import { instructs } from '../contracts/validation/tool-order.js';
import type { ConversationScope } from '../conversations/conversation.js';
import { ConversationRepository } from '../conversations/conversation.repository.js';
import { exclusiveNameOf } from '../conversations/exclusive-name.js';
import { AffordabilityService } from '../inference/affordability.service.js';
import { answerLimit } from '../inference/answer-limit.js';
import { chatEndpoint } from '../inference/chat.endpoint.js';
import { CatalogueService } from '../models/catalogue.service.js';
import type { Model } from '../models/model.js';
import { needBoth, NOTHING_NEEDED } from '../quotas/storage-limits.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import type { ChatJob, ChatTurnContext } from './chat-turn-context.js';
import { ConversationNotFoundError } from '../conversations/conversations.errors.js';
import { ChatbotModelGoneError, refuseTooMany, refuseUnaskedJson } from './chat.errors.js';
import type { PlannedMemory } from './chat-plan.service.js';
import { ConversationQueue } from './conversation-queue.js';
import { promptBudget } from './memory/prompt-budget.js';
import { TokenRatios } from './memory/token-ratios.js';
import { RecallService, type Recalled } from './recall.service.js';
import { StoredCompletionWriterService } from './stored-completion-writer.service.js';
import { TurnWriterService } from './turn-writer.service.js';

/** Makes of what was asked what is sent: the chatbot's settings and prompt, what the conversation remembers. */
@Injectable()
export class TurnService {
  private readonly queue = new ConversationQueue();

  constructor(
    private readonly catalogue: CatalogueService,
    private readonly records: ConversationRepository,
    private readonly recalls: RecallService,
    private readonly completions: StoredCompletionWriterService,
    private readonly turnWriter: TurnWriterService,
    private readonly ratios: TokenRatios,
    private readonly quotas: StorageQuotasService,
    private readonly affordability: AffordabilityService,
  ) {}

  /**
   * Waits for the conversation's turn and reads what it remembers. What is returned must be carried out or released.
   *
   * @param signal aborts when the client leaves
   * @throws ExclusiveUseError, StorageQuotaError, ModelNotFoundError, ChatbotModelGoneError, ValidationFailedError, DomainError `not_found`,
   *   `context_length_exceeded`, `storage_unavailable`
   */
  async prepare(turn: ChatTurnContext, signal: AbortSignal): Promise<ChatJob> {
    const { plan, job } = turn;
    if (plan.storesCompletion) refuseTooMany(job.body.messages);
    if (plan.chatbot === undefined && plan.memory === undefined) {
      return { ...job, sinks: listed(this.completions.sinkOf(turn)), storage: this.completions.needOf(turn) };
    }
    await this.refuseFull(turn);
    const scope = plan.memory && (await this.scopeOf(plan.memory));
    if (scope === undefined) return this.compose(turn, undefined);
    const leave = await this.queue.enter(`${scope.accountId} ${exclusiveNameOf(scope)}`, signal);
    try {
      return { ...(await this.compose(turn, scope)), release: leave };
    } catch (error) {
      leave();
      throw error;
    }
  }

  /**
   * Before a summary is made and paid for a turn that would then be refused; what exactly it needs its hold asks.
   * @throws StorageQuotaError
   */
  private async refuseFull({ plan, job }: ChatTurnContext): Promise<void> {
    if (plan.memory === undefined && !plan.storesCompletion) return;
    await this.quotas.refuseFull(job.context.principal.accountId, {
      ...NOTHING_NEEDED,
      bytes: 1,
      conversations: plan.memory?.named === 'by nobody' ? 1 : 0,
      completions: plan.storesCompletion ? 1 : 0,
    });
  }

  /**
   * A conversation is one chatbot's, or that of plain models; only one of the latter goes on with whatever is asked.
   * @throws ConversationNotFoundError
   */
  private async scopeOf({
    named,
    accountId,
    chatbotId,
    conversationId,
  }: PlannedMemory): Promise<ConversationScope> {
    if (named !== 'by us') return { accountId, chatbotId, clientId: conversationId };
    const found = await this.records.find(accountId, conversationId);
    if (found === undefined || (found.chatbotId !== undefined && found.chatbotId !== chatbotId)) {
      throw new ConversationNotFoundError('conversation_id');
    }
    return { accountId, chatbotId: found.chatbotId, clientId: found.clientId };
  }

  /** @param scope of the conversation that remembers it; `undefined`: none does */
  private async compose(turn: ChatTurnContext, scope: ConversationScope | undefined): Promise<ChatJob> {
    const { plan, job } = turn;
    const { body, context } = job;
    const { principal } = context;
    const { chatbot } = plan;
    // Its id is being thought of here: nothing can be stored under it yet.
    const begins = plan.memory?.named === 'by nobody';
    const request = chatbot === undefined ? { ...body } : applySettings(chatbot.version.settings, body);
    const model = this.modelOf(request.model, chatbot);
    const lead = chatbot === undefined ? [] : promptOf(chatbot, body);
    const { instructions, said } = split(body.messages, chatbot);
    const askedMaxTokens = request.max_completion_tokens ?? request.max_tokens;
    const policy = chatbot?.version.settings.memory ?? DEFAULT_MEMORY;
    const ratioScope = {
      accountId: principal.accountId,
      model: model.id,
      conversation: scope && exclusiveNameOf(scope),
    };
    const ratio = this.ratios.of(ratioScope);
    const recalled = await this.recalls.recall({
      scope: begins ? undefined : scope,
      policy,
      request,
      lead,
      instructions,
      said,
      budget: promptBudget({
        contextLength: Math.floor(model.contextLength / ratio),
        maxTokens: askedMaxTokens,
        policyMaxTokens: 'maxTokens' in policy ? policy.maxTokens : undefined,
      }),
      exclusive: scope && ((found) => this.turnWriter.exclusive(scope, found)),
      mustBe: plan.memory?.named === 'by us' ? plan.memory.conversationId : undefined,
      // What was said may be what is stored, and then be left out.
      affordable: once(() => {
        const least = { ...request, messages: [...lead, ...instructions] };
        return this.affordability.refuseUnaffordable(chatEndpoint, least, principal, chatbot !== undefined);
      }),
      context,
    });
    request.messages = recalled.messages;
    // What an operator wrote into a chatbot is the operator's to know: only the caller's own wish is judged.
    if (body.response_format?.type === 'json_object') refuseUnaskedJson(request);
    const limit =
      chatbot &&
      answerLimit({
        contextLength: model.contextLength,
        promptTokens: Math.ceil(recalled.promptTokensAtMost * ratio),
        maxTokens: askedMaxTokens,
      });
    if (limit !== undefined) {
      request[request.max_completion_tokens === undefined ? 'max_tokens' : 'max_completion_tokens'] = limit;
    }
    const mayLimit = chatbot?.version.settings.overrides.includes('max_tokens') ?? true;
    const callersLimit = mayLimit ? (body.max_completion_tokens ?? body.max_tokens) : undefined;
    const sees = chatbot === undefined || principal.manageChatbots;
    const lesson = this.ratios.lessonOf(ratioScope, {
      tokens: recalled.promptTokensCounted,
      textOnly: !hasMedia(request.messages),
    });
    return {
      ...job,
      body: request,
      options: {
        // A chatbot's limit is no wish of the caller's: the hold may begin small and grow.
        limitsOutput: callersLimit !== undefined,
        modelPermitted: chatbot !== undefined,
        redactUpstreamErrors: !sees,
        ...lesson,
      },
      sinks: listed(this.completions.sinkOf(turn), scope && this.turnWriter.sinkOf(turn, scope, recalled)),
      storage: needBoth(this.completions.needOf(turn), scope && this.turnWriter.needOf(recalled)),
      exclusive: scope && this.turnWriter.exclusive(scope, begins ? undefined : recalled),
      provenance: provenanceOf(chatbot, scope, recalled),
    };
  }

  private modelOf(id: string, chatbot: ResolvedChatbot | undefined): Model {
    if (chatbot === undefined) return this.catalogue.get(id);
    const model = this.catalogue.find(id);
    if (model === undefined) throw new ChatbotModelGoneError();
    return model;
  }
}

/** The chatbot's own prompt: first of all messages, whatever the caller says. */
function promptOf({ version }: ResolvedChatbot, { metadata }: ChatCompletionRequest): ChatMessage[] {
  const content = renderSystemPrompt(version.settings, metadata ?? {});
  return content === '' ? [] : [{ role: 'system', content }];
}

/** What the caller instructs, which is never remembered, and what was said. */
function split(
  messages: readonly ChatMessage[],
  chatbot: ResolvedChatbot | undefined,
): { instructions: ChatMessage[]; said: ChatMessage[] } {
  const obeys = chatbot?.version.settings.acceptsInstructions ?? true;
  const instructions = messages
    .filter(instructs)
    // Not refused: clients send a system message of their own accord. The model hears it as anybody's words.
    .map((message): ChatMessage => (obeys ? message : { ...message, role: 'user' }));
  return { instructions, said: messages.filter((message) => !instructs(message)) };
}

function provenanceOf(
  chatbot: ResolvedChatbot | undefined,
  scope: ConversationScope | undefined,
  { context }: Recalled,
): RequestProvenance {
  return {
    ...(chatbot === undefined
      ? {}
      : { chatbot: { id: chatbot.chatbot.id, version: chatbot.version.version } }),
    ...(scope === undefined ? {} : { conversation: context }),
  };
}

/** Those that there are; `undefined`: none. */
function listed<T>(...items: (T | undefined)[]): T[] | undefined {
  const there = items.filter((item) => item !== undefined);
  return there.length === 0 ? undefined : there;
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let done: Promise<T> | undefined;
  return () => (done ??= work());
}

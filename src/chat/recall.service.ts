import { Injectable } from '@nestjs/common';
import type { ExclusiveUse } from '../billing/hold.service.js';
import { TokenCounter } from '../billing/token-counter.js';
import { newConversationRowId } from '../common/ids/ids.js';
import type { MemoryPolicy } from '../common/memory-policy.js';
import type { ConversationContext } from '../contracts/accounts/request-provenance.js';
import type { ChatCompletionRequest, ChatMessage } from '../contracts/openai/chat-completion.js';
import { EMPTY_CHAIN } from '../conversations/chain.js';
import { TurnRepository } from '../conversations/turn.repository.js';
import type { ConversationScope, NewTurn } from '../conversations/conversation.js';
import { MessageDigests } from '../conversations/message-digests.js';
import { StoredMessageRepository } from '../conversations/stored-message.repository.js';
import { measureChat } from '../inference/prompt.js';
import type { RequestContext } from '../inference/request-context.js';
import { ConversationNotFoundError } from '../conversations/conversations.errors.js';
import { refuseTooMany } from './chat.errors.js';
import { ConversationReading } from './conversation-reading.js';
import { fitMemory, type FittedMemory } from './memory/fit-memory.js';
import type { PromptBudget } from './memory/prompt-budget.js';
import { summaryTokens } from './memory/summary-message.js';
import { TokenTally } from './memory/token-tally.js';
import { refuseStrayToolResults } from './memory/tool-results.js';
import { SummariserService } from './summariser.service.js';

/** What is asked, and what there is room for. */
export interface RecallRequest {
  /** `undefined`: nothing can be stored yet. */
  readonly scope: ConversationScope | undefined;
  /** Under which the conversation as it was found is one request's at a time; `undefined`: nothing will be stored. */
  readonly exclusive: ((found: Pick<Recalled, 'conversationId' | 'version'>) => ExclusiveUse) | undefined;
  /** `conv_…`: no other conversation will do; that it is not there is a mistake of the client's. */
  readonly mustBe: string | undefined;
  readonly policy: MemoryPolicy;
  /** What is sent beside messages. */
  readonly request: ChatCompletionRequest;
  /** Sent first of all. */
  readonly lead: readonly ChatMessage[];
  /** The caller's own, sent before what is remembered. */
  readonly instructions: readonly ChatMessage[];
  /** The other messages of the request, new or sent again. */
  readonly said: readonly ChatMessage[];
  /** `undefined`: nobody knows how long the prompt may be. */
  readonly budget: PromptBudget | undefined;
  /** Asked before messages are opened that may be long: rejects where there is no credit for the request anyway. */
  readonly affordable: () => Promise<void>;
  /** Of the request that recalls; what is paid for on the way is paid by its caller. */
  readonly context: RequestContext;
}

/** What a request is sent with, and what of it is new to the conversation. */
export interface Recalled {
  /** `conv_…` of the conversation, or the one that it will have. */
  readonly conversationId: string;
  /** `undefined`: nothing is stored yet. */
  readonly version: number | undefined;
  /** All that is sent, in order. */
  readonly messages: ChatMessage[];
  readonly fresh: readonly ChatMessage[];
  /** Of `fresh`, where they will be stored. */
  readonly freshDigests: readonly string[];
  readonly before: NewTurn['before'];
  readonly departsAfterSeq: number | undefined;
  readonly promptTokensAtMost: number;
  /** The same where it is an exact count. */
  readonly promptTokensCounted: number | undefined;
  readonly context: ConversationContext;
}

const NOTHING: NewTurn['before'] = { messageCount: 0, chain: EMPTY_CHAIN };

/** Puts a conversation's earlier turns before what is new. */
@Injectable()
export class RecallService {
  private readonly tally: TokenTally;

  constructor(
    private readonly conversations: TurnRepository,
    private readonly stored: StoredMessageRepository,
    private readonly summariser: SummariserService,
    counter: TokenCounter,
  ) {
    this.tally = new TokenTally(counter);
  }

  /**
   * @throws ConversationNotFoundError, PromptTooLongError, DomainError `storage_unavailable`; ExclusiveUseError;
   *   ValidationFailedError for tool results that answer nothing, and for more new messages than a turn may have
   */
  async recall(asked: RecallRequest): Promise<Recalled> {
    const reading =
      asked.scope === undefined
        ? undefined
        : await ConversationReading.open(
            this.conversations,
            {
              list: async (id, page) => {
                await asked.affordable();
                return this.stored.list(id, page);
              },
            },
            asked.scope,
            asked.said,
            asked.policy.kind === 'summary',
          );
    if (asked.mustBe !== undefined && reading?.id !== asked.mustBe)
      throw new ConversationNotFoundError('conversation_id');
    const fresh = reading?.fresh ?? asked.said;
    refuseStrayToolResults(reading?.messages ?? [], fresh);
    if (asked.exclusive !== undefined) refuseTooMany(fresh);

    const memory = await this.remember(asked, reading, fresh);
    const { lead, instructions, policy, budget } = asked;
    const summary = memory.summary === undefined ? [] : [memory.summary];
    const conversationId = reading?.id ?? newConversationRowId();
    const digests = reading?.digests ?? new MessageDigests();
    return {
      conversationId,
      version: reading?.version,
      messages: [...lead, ...instructions, ...summary, ...memory.messages, ...fresh],
      fresh,
      freshDigests: asked.exclusive === undefined ? [] : await digests.read(fresh),
      before: reading ?? NOTHING,
      departsAfterSeq: reading?.departsAfterSeq,
      promptTokensAtMost: memory.promptTokensAtMost,
      promptTokensCounted: memory.counted ? memory.promptTokensAtMost : undefined,
      context: {
        id: conversationId,
        memory: policy.kind,
        messages_stored: reading?.messageCount ?? 0,
        messages_sent: memory.sent,
        messages_summarised: memory.summarised,
        messages_dropped: Math.max(0, (reading?.messageCount ?? 0) - memory.sent - memory.summarised),
        messages_recognised: asked.said.length - fresh.length,
        prompt_tokens_at_most: memory.promptTokensAtMost,
        prompt_tokens_allowed: budget?.tokens ?? null,
        ...(memory.summaryRequest === undefined ? {} : { summary_request: memory.summaryRequest }),
      },
    };
  }

  private async remember(
    asked: RecallRequest,
    reading: ConversationReading | undefined,
    fresh: readonly ChatMessage[],
  ): Promise<FittedMemory & { readonly summaryRequest?: string }> {
    const { policy, budget, lead, instructions, request } = asked;
    const prompt = measureChat({ ...request, messages: [...lead, ...instructions, ...fresh] });
    const fit = (): Promise<FittedMemory> =>
      fitMemory(
        {
          policy,
          stored: reading?.messages ?? [],
          complete: reading?.complete ?? true,
          summary: reading?.summary,
          prompt,
          fresh,
          budget,
        },
        this.tally,
      );
    let memory = await fit();
    // More may fit than was read at first; what is folded into a summary is folded whole.
    while ((memory.roomForOlder || memory.toSummarise !== undefined) && (await reading?.readOlder())) {
      memory = await fit();
    }
    const { toSummarise } = memory;
    if (toSummarise === undefined || policy.kind !== 'summary') return memory;
    // A summary covers all that is older; what is too long to be read cannot be told.
    if (reading === undefined || !reading.complete) return memory;
    const attempt = await this.summariser.summarise({
      conversationId: reading.id,
      version: reading.version,
      earlier: reading.summary,
      messages: toSummarise,
      model: policy.model ?? request.model,
      maxTokens: summaryTokens(budget?.tokens),
      reasons: policy.model === undefined && request.reasoning_effort !== undefined,
      context: asked.context,
      exclusive: asked.exclusive?.({ conversationId: reading.id, version: reading.version }),
    });
    if (attempt === undefined) return memory;
    const { summary, requestId: summaryRequest } = attempt;
    if (summary === undefined) return { ...memory, summaryRequest };
    reading.fold(summary);
    return { ...(await fit()), summaryRequest };
  }
}

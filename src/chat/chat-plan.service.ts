import { Injectable } from '@nestjs/common';
import type { ResolvedChatbot } from '../chatbots/chatbot.js';
import { ChatbotsService, isChatbotId } from '../chatbots/chatbots.service.js';
import { newConversationId } from '../common/ids/ids.js';
import type { Principal } from '../common/principal.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { ConversationScope } from '../conversations/conversation.js';
import type { Surface } from '../surfaces/surface.js';

/** What a request is about besides its words: found out before anything is read or set aside for it. */
export interface ChatPlan {
  readonly chatbot: ResolvedChatbot | undefined;
  /** As it is told to the client; `undefined`: the dialect has no conversations. */
  readonly conversationId: string | undefined;
  /** The conversation that remembers this request; `undefined`: none does. */
  readonly memory: PlannedMemory | undefined;
  /** The answer is to be found again at `/v1/chat/completions/{id}`. */
  readonly storesCompletion: boolean;
}

export interface PlannedMemory {
  readonly scope: ConversationScope;
  /** The client named no conversation, so this one has just been thought of: nothing can be stored under its id. */
  readonly fresh: boolean;
}

/** Ids that only we give out; one that we do not know is a mistake, never a new conversation. */
const OURS = /^conv_/;

/** Reads from a request which chatbot, which conversation. */
@Injectable()
export class ChatPlanService {
  constructor(private readonly chatbots: ChatbotsService) {}

  /** @throws ModelNotFoundError, ModelNotAllowedError for a chatbot that is not there or not this key's to use */
  async plan(body: ChatCompletionRequest, principal: Principal, surface: Surface): Promise<ChatPlan> {
    const chatbot = isChatbotId(body.model) ? await this.chatbots.resolve(body.model, principal) : undefined;
    const keepsNothing = principal.conversationRetentionDays === 0;
    const storesCompletion = body.store === true && !keepsNothing;
    if (!surface.conversations) {
      return { chatbot, conversationId: undefined, memory: undefined, storesCompletion };
    }
    const asked = body.conversation_id;
    // The documented default "UID" is a placeholder: taken literally it would merge strangers' conversations.
    const fresh = asked === undefined || asked === '' || asked === 'UID';
    const conversationId = fresh ? newConversationId() : asked;
    const remembers =
      chatbot === undefined
        ? OURS.test(conversationId)
        : chatbot.version.settings.memory.kind !== 'none' && !keepsNothing;
    const scope = {
      accountId: principal.accountId,
      chatbotId: chatbot?.chatbot.id,
      clientId: conversationId,
    };
    return { chatbot, conversationId, memory: remembers ? { scope, fresh } : undefined, storesCompletion };
  }
}

import { Injectable } from '@nestjs/common';
import type { ResolvedChatbot } from '../chatbots/chatbot.js';
import { ChatbotsService } from '../chatbots/chatbots.service.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { isOurConversationId } from '../common/ids/our-conversation-id.js';
import { newConversationId } from '../common/ids/ids.js';
import type { Principal } from '../common/principal.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { Surface } from '../surfaces/surface.js';
import { NothingStoredError } from '../conversations/conversations.errors.js';
import { refuseStrayToolResults } from './memory/tool-results.js';

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

/**
 * Which conversation is meant: a new one that the client did not name, one that it names itself, or one by the id that
 * we gave it (`conv_…`), which must be there.
 */
export interface PlannedMemory {
  readonly named: 'by nobody' | 'by the client' | 'by us';
  readonly accountId: string;
  readonly chatbotId: string | undefined;
  readonly conversationId: string;
}

/** Reads from a request which chatbot, which conversation. */
@Injectable()
export class ChatPlanService {
  constructor(private readonly chatbots: ChatbotsService) {}

  /**
   * @throws ModelNotFoundError, ChatbotNotAllowedError for a chatbot that is not there or not this key's to use;
   *   NothingStoredError where a `conv_…` is named and the account keeps none; ValidationFailedError for tool results
   *   that answer nothing
   */
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
    const ours = isOurConversationId(conversationId);
    if (ours && keepsNothing) throw new NothingStoredError();
    const remembers =
      ours || (chatbot !== undefined && chatbot.version.settings.memory.kind !== 'none' && !keepsNothing);
    const memory: PlannedMemory = {
      named: fresh ? 'by nobody' : ours ? 'by us' : 'by the client',
      accountId: principal.accountId,
      chatbotId: chatbot?.chatbot.id,
      conversationId,
    };
    // Nothing is stored that they could answer.
    if (!remembers) refuseStrayToolResults([], body.messages);
    return { chatbot, conversationId, memory: remembers ? memory : undefined, storesCompletion };
  }
}

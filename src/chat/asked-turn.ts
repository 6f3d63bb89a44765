import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { Caller } from '../inference/caller.js';
import type { Envelope } from '../surfaces/envelope.js';
import type { Surface } from '../surfaces/surface.js';
import type { ChatPlan } from './chat-plan.service.js';

/** A request that a chatbot or a conversation has a part in, or whose answer is to be stored. */
export interface AskedTurn {
  readonly plan: ChatPlan;
  readonly body: ChatCompletionRequest;
  readonly caller: Caller;
  readonly surface: Surface;
  readonly envelope: Envelope;
}

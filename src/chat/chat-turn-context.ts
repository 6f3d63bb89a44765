import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { Job } from '../inference/job.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';
import type { ChatPlan } from './chat-plan.service.js';

export type ChatJob = Job<ChatCompletionRequest, ChatAnswer, ChatChunk>;

/** A request that a chatbot or a conversation has a part in, or whose answer is to be stored. */
export interface ChatTurnContext {
  readonly plan: ChatPlan;
  /** As it was asked. */
  readonly job: ChatJob;
}

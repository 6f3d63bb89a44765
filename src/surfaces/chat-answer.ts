import type { ChatChoice } from '../contracts/openai/chat-completion.js';
import type { Envelope } from './envelope.js';
import type { Surface } from './surface.js';
import type { WireUsage } from './usage.js';

export const WITHHELD_TEXT = "The answer was withheld by the model's content filter.";

export interface RenderableChat {
  readonly choices: readonly ChatChoice[];
  readonly system_fingerprint?: string | undefined;
  readonly service_tier?: string | undefined;
}

/**
 * A whole chat answer in the dialect; every key that any published description names is present.
 * @param usage `undefined`: not known yet
 */
export function renderChatCompletion(
  envelope: Envelope,
  answer: RenderableChat,
  usage: WireUsage | undefined,
  surface: Surface,
): Record<string, unknown> {
  return {
    id: envelope.id,
    object: 'chat.completion',
    created: envelope.created,
    model: envelope.model,
    choices: answer.choices.map((choice) => renderChoice(choice, surface)),
    usage,
    ...(answer.service_tier === undefined ? {} : { service_tier: answer.service_tier }),
    ...(answer.system_fingerprint === undefined ? {} : { system_fingerprint: answer.system_fingerprint }),
    ...(envelope.conversationId === undefined ? {} : { conversation_id: envelope.conversationId }),
  };
}

function renderChoice(choice: ChatChoice, surface: Surface): Record<string, unknown> {
  const { message } = choice;
  const withheld =
    choice.finish_reason === 'content_filter' && surface.finishReasons.content_filter === 'stop';
  const calls = message.tool_calls !== undefined && message.tool_calls.length > 0;
  const callsOnly = (calls || message.function_call !== undefined) && !message.content;
  return {
    index: choice.index,
    message: {
      role: 'assistant',
      content: callsOnly ? surface.contentOfToolCalls : (message.content ?? ''),
      refusal: withheld ? (message.refusal ?? WITHHELD_TEXT) : message.refusal,
      ...(message.reasoning_content === undefined ? {} : thoughts(message.reasoning_content)),
      ...(calls ? { tool_calls: message.tool_calls } : {}),
      ...(message.function_call === undefined ? {} : { function_call: message.function_call }),
      ...(message.annotations === undefined ? {} : { annotations: message.annotations }),
      ...(message.audio === undefined ? {} : { audio: message.audio }),
    },
    logprobs: choice.logprobs,
    finish_reason: dialectFinishReason(choice.finish_reason, surface),
  };
}

/** What a model thought, under both names that clients read. */
export function thoughts(text: string): { reasoning_content: string; reasoning: string } {
  return { reasoning_content: text, reasoning: text };
}

/** The dialect's word for a finish reason that its enum may lack. */
export function dialectFinishReason(reason: string, surface: Surface): string {
  return reason === 'content_filter' || reason === 'function_call' ? surface.finishReasons[reason] : reason;
}

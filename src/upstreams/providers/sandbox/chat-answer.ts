import type {
  AssistantMessage,
  ChatChoice,
  ChoiceLogprobs,
  ToolCall,
} from '../../../contracts/openai/chat-completion.js';
import type { ChatAnswer } from '../../upstream.port.js';
import type { ChatPlan, PlannedChoice, PlannedToolCall } from './chat-plan.js';

export const SYSTEM_FINGERPRINT = 'fp_sandbox';

export function toChatAnswer(plan: ChatPlan): ChatAnswer {
  return {
    choices: plan.choices.map(toChoice),
    usage: plan.usage,
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
}

function toChoice(choice: PlannedChoice, index: number): ChatChoice {
  const { content, refusal, logprobs } = choice;
  return {
    index,
    message: toMessage(choice),
    finish_reason: choice.finish_reason,
    logprobs:
      logprobs === undefined ? null : toChoiceLogprobs(logprobs, refusal.length > 0 && content.length === 0),
  };
}

function toMessage(choice: PlannedChoice): AssistantMessage {
  const { content, refusal, calls, reasoning, legacyCall } = choice;
  const [first] = calls;
  return {
    role: 'assistant',
    content: first !== undefined || refusal.length > 0 ? null : content.join(''),
    refusal: refusal.length > 0 ? refusal.join('') : null,
    ...(reasoning.length > 0 && { reasoning_content: reasoning.join('') }),
    ...(first !== undefined &&
      (legacyCall
        ? { function_call: { name: first.name, arguments: first.input.join('') } }
        : { tool_calls: calls.map(toToolCall) })),
  };
}

function toToolCall({ id, kind, name, input }: PlannedToolCall): ToolCall {
  return kind === 'custom'
    ? { id, type: 'custom', custom: { name, input: input.join('') } }
    : { id, type: 'function', function: { name, arguments: input.join('') } };
}

export function toChoiceLogprobs(
  logprobs: NonNullable<PlannedChoice['logprobs']>,
  ofRefusal: boolean,
): ChoiceLogprobs {
  return ofRefusal ? { content: null, refusal: [...logprobs] } : { content: [...logprobs], refusal: null };
}

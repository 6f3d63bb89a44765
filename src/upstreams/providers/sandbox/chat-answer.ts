import type {
  AssistantMessage,
  ChatChoice,
  ChoiceLogprobs,
  TokenLogprob,
  ToolCall,
} from '../../../contracts/openai/chat-completion.js';
import type { ChatAnswer } from '../../upstream.port.js';
import type { ChatPlan, PlannedChoice, PlannedToolCall } from './chat-plan.js';
import { toTokenLogprob } from './token-logprobs.js';
import type { Turns } from './turns.js';

export const SYSTEM_FINGERPRINT = 'fp_sandbox';

/** The plan as one answer. Choices that repeat an earlier one are put together once. */
export async function toChatAnswer(plan: ChatPlan, turns: Turns): Promise<ChatAnswer> {
  const told = new Map<PlannedChoice, Omit<ChatChoice, 'index'>>();
  const choices: ChatChoice[] = [];
  for (const [index, planned] of plan.choices.entries()) {
    const choice = told.get(planned) ?? (await toChoice(planned, turns));
    told.set(planned, choice);
    choices.push({ ...choice, index, message: { ...choice.message } });
  }
  return { choices, usage: plan.usage, system_fingerprint: SYSTEM_FINGERPRINT };
}

async function toChoice(choice: PlannedChoice, turns: Turns): Promise<Omit<ChatChoice, 'index'>> {
  const { content, refusal, scores } = choice;
  let logprobs: ChoiceLogprobs | null = null;
  if (scores !== undefined) {
    const list: TokenLogprob[] = [];
    const left = scores();
    for (let next = left.next(); next.done !== true; next = left.next()) {
      list.push(toTokenLogprob(next.value));
      if (turns.due) await turns.ifDue();
    }
    logprobs = toChoiceLogprobs(list, refusal.length > 0 && content.length === 0);
  }
  await turns.ifDue();
  return { message: toMessage(choice), finish_reason: choice.finish_reason, logprobs };
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

export function toChoiceLogprobs(logprobs: TokenLogprob[], ofRefusal: boolean): ChoiceLogprobs {
  return ofRefusal ? { content: null, refusal: logprobs } : { content: logprobs, refusal: null };
}

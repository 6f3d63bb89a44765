import type { ChatChunkChoice, ChatDelta, ToolCallDelta } from '../../../contracts/openai/chat-completion.js';
import type { ChatChunk } from '../../upstream.port.js';
import { SYSTEM_FINGERPRINT, toChoiceLogprobs } from './chat-answer.js';
import type { ChatPlan, PlannedChoice, PlannedToolCall } from './chat-plan.js';
import { interleave } from './interleave.js';
import { toTokenLogprob } from './token-logprobs.js';

/** The plan as a stream, one token a chunk: choices take turns, each ends with its finish chunk; usage comes last. */
export function* toChatChunks(plan: ChatPlan): Generator<ChatChunk> {
  for (const choice of interleave(plan.choices.map(toChunkChoices))) {
    yield { choices: [choice], system_fingerprint: SYSTEM_FINGERPRINT };
  }
  if (plan.usage !== undefined) {
    yield { choices: [], usage: plan.usage, system_fingerprint: SYSTEM_FINGERPRINT };
  }
}

function* toChunkChoices(choice: PlannedChoice, index: number): Generator<ChatChunkChoice> {
  const { reasoning, refusal, content, calls, legacyCall } = choice;
  const scores = choice.scores?.();
  const chunk = (delta: ChatDelta): ChatChunkChoice => ({
    index,
    delta,
    finish_reason: null,
    logprobs: null,
  });
  const scored = (delta: ChatDelta): ChatChunkChoice => {
    const score = scores?.next();
    if (score === undefined || score.done === true) return chunk(delta);
    const logprobs = toChoiceLogprobs([toTokenLogprob(score.value)], delta.refusal !== undefined);
    return { ...chunk(delta), logprobs };
  };

  yield chunk({ role: 'assistant', content: calls.length > 0 ? null : '', refusal: null });
  for (const piece of reasoning) yield chunk({ reasoning_content: piece });
  for (const piece of refusal) yield scored({ refusal: piece });
  for (const piece of content) yield scored({ content: piece });
  if (legacyCall) yield* legacyCallDeltas(calls).map((delta) => chunk({ function_call: delta }));
  else for (const delta of toolCallDeltas(calls)) yield chunk({ tool_calls: [delta] });
  yield { ...chunk({}), finish_reason: choice.finish_reason };
}

/** Chunks that the plan has as a stream. */
export function countChatChunks({ choices, usage }: ChatPlan): number {
  let count = usage === undefined ? 0 : 1;
  for (const { reasoning, refusal, content, calls } of choices) {
    count += 2 + reasoning.length + refusal.length + content.length;
    for (const { input } of calls) count += 1 + input.length;
  }
  return count;
}

/** First id, type and name with empty arguments; then bare fragments. */
function* toolCallDeltas(calls: readonly PlannedToolCall[]): Generator<ToolCallDelta> {
  for (const [index, { id, kind, name, input }] of calls.entries()) {
    if (kind === 'custom') {
      yield { index, id, type: 'custom', custom: { name, input: '' } };
      for (const piece of input) yield { index, custom: { input: piece } };
    } else {
      yield { index, id, type: 'function', function: { name, arguments: '' } };
      for (const piece of input) yield { index, function: { arguments: piece } };
    }
  }
}

function legacyCallDeltas(calls: readonly PlannedToolCall[]): NonNullable<ChatDelta['function_call']>[] {
  const [call] = calls;
  if (call === undefined) return [];
  return [{ name: call.name, arguments: '' }, ...call.input.map((piece) => ({ arguments: piece }))];
}

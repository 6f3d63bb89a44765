import type { ChatChunkChoice, ChatDelta, ToolCallDelta } from '../../../contracts/openai/chat-completion.js';
import type { ChatChunk } from '../../upstream.port.js';
import { SYSTEM_FINGERPRINT, toChoiceLogprobs } from './chat-answer.js';
import type { ChatPlan, PlannedChoice, PlannedToolCall } from './chat-plan.js';
import { interleave } from './interleave.js';

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
  const { reasoning, refusal, content, calls, legacyCall, logprobs } = choice;
  const chunk = (delta: ChatDelta): ChatChunkChoice => ({
    index,
    delta,
    finish_reason: null,
    logprobs: null,
  });
  const scored = (delta: ChatDelta, position: number): ChatChunkChoice => {
    const logprob = logprobs?.[position];
    if (logprob === undefined) return chunk(delta);
    return { ...chunk(delta), logprobs: toChoiceLogprobs([logprob], delta.refusal !== undefined) };
  };

  yield chunk({ role: 'assistant', content: calls.length > 0 ? null : '', refusal: null });
  for (const piece of reasoning) yield chunk({ reasoning_content: piece });
  for (const [position, piece] of refusal.entries()) yield scored({ refusal: piece }, position);
  for (const [position, piece] of content.entries())
    yield scored({ content: piece }, refusal.length + position);
  if (legacyCall) yield* legacyCallDeltas(calls).map((delta) => chunk({ function_call: delta }));
  else for (const delta of toolCallDeltas(calls)) yield chunk({ tool_calls: [delta] });
  yield { ...chunk({}), finish_reason: choice.finish_reason };
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

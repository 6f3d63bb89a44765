import type { CompletionChunkChoice, CompletionLogprobs } from '../../../contracts/openai/completion.js';
import type { CompletionAnswer, CompletionChunk, EchoedText } from '../../upstream.port.js';
import type { CompletionPlan, CompletionScore, PlannedCompletion } from './completion-plan.js';
import { SYSTEM_FINGERPRINT } from './chat-answer.js';
import { interleave } from './interleave.js';
import type { Turns } from './turns.js';

/** The plan as one answer, put together in turns that leave room for others. */
export async function toCompletionAnswer(plan: CompletionPlan, turns: Turns): Promise<CompletionAnswer> {
  const choices: CompletionAnswer['choices'] = [];
  for (const [index, { pieces, echoed, scores, finish_reason }] of plan.choices.entries()) {
    let logprobs: CompletionLogprobs | null = null;
    if (scores !== undefined) {
      logprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
      const left = scores();
      for (let next = left.next(); next.done !== true; next = left.next()) {
        append(logprobs, next.value);
        if (turns.due) await turns.ifDue();
      }
    }
    await turns.ifDue();
    const echo = echoed > 0 && { echoedChars: pieces.slice(0, echoed).join('').length };
    choices.push({ text: pieces.join(''), index, logprobs, finish_reason, ...echo });
  }
  return { choices, usage: plan.usage, system_fingerprint: SYSTEM_FINGERPRINT };
}

function append(logprobs: CompletionLogprobs, { token, logprob, top, offset }: CompletionScore): void {
  logprobs.tokens.push(token);
  logprobs.token_logprobs.push(logprob);
  logprobs.top_logprobs.push(top);
  logprobs.text_offset.push(offset);
}

/** Chunks that the plan has as a stream. */
export function countCompletionChunks({ choices, usage }: CompletionPlan): number {
  return choices.reduce((sum, { pieces }) => sum + pieces.length + 1, usage === undefined ? 0 : 1);
}

/** The plan as a stream, one token a chunk: choices take turns, each ends with its finish chunk; usage comes last. */
export function* toCompletionChunks(plan: CompletionPlan): Generator<CompletionChunk> {
  for (const choice of interleave(plan.choices.map(toChunkChoices))) {
    yield { choices: [choice], system_fingerprint: SYSTEM_FINGERPRINT };
  }
  if (plan.usage !== undefined) {
    yield { choices: [], usage: plan.usage, system_fingerprint: SYSTEM_FINGERPRINT };
  }
}

function* toChunkChoices(
  planned: PlannedCompletion,
  index: number,
): Generator<CompletionChunkChoice & EchoedText> {
  const scores = planned.scores?.();
  for (const [position, text] of planned.pieces.entries()) {
    const score = scores?.next();
    let logprobs: CompletionLogprobs | null = null;
    if (score !== undefined && score.done !== true) {
      logprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
      append(logprobs, score.value);
    }
    const echo = position < planned.echoed && { echoedChars: text.length };
    yield { text, index, logprobs, finish_reason: null, ...echo };
  }
  yield { text: '', index, logprobs: null, finish_reason: planned.finish_reason };
}

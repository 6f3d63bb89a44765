import type { CompletionChunkChoice, CompletionLogprobs } from '../../../contracts/openai/completion.js';
import type { CompletionAnswer, CompletionChunk, EchoedText } from '../../upstream.port.js';
import type { CompletionPlan, PlannedCompletion } from './completion-plan.js';
import { SYSTEM_FINGERPRINT } from './chat-answer.js';
import { interleave } from './interleave.js';

export function toCompletionAnswer(plan: CompletionPlan): CompletionAnswer {
  return {
    choices: plan.choices.map(({ pieces, echoed, logprobs, finish_reason }, index) => ({
      text: pieces.join(''),
      index,
      logprobs: logprobs ?? null,
      finish_reason,
      ...(echoed > 0 && { echoedChars: pieces.slice(0, echoed).join('').length }),
    })),
    usage: plan.usage,
    system_fingerprint: SYSTEM_FINGERPRINT,
  };
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
  for (const [position, text] of planned.pieces.entries()) {
    const logprobs = planned.logprobs === undefined ? null : entryAt(planned.logprobs, position);
    const echo = position < planned.echoed && { echoedChars: text.length };
    yield { text, index, logprobs, finish_reason: null, ...echo };
  }
  yield { text: '', index, logprobs: null, finish_reason: planned.finish_reason };
}

function entryAt(logprobs: CompletionLogprobs, position: number): CompletionLogprobs {
  const only = <T>(list: readonly T[]): T[] => list.slice(position, position + 1);
  return {
    tokens: only(logprobs.tokens),
    token_logprobs: only(logprobs.token_logprobs),
    top_logprobs: only(logprobs.top_logprobs),
    text_offset: only(logprobs.text_offset),
  };
}

import type {
  CompletionChoice,
  CompletionChunkChoice,
  CompletionFinishReason,
  CompletionLogprobs,
} from '../../../contracts/openai/completion.js';
import { badResponse } from '../../upstream-failures.js';
import type { CompletionAnswer, CompletionChunk } from '../../upstream.port.js';
import { eventChoices } from './chat-stream.js';
import type { Collector, Endpoint } from './endpoint.js';
import type { FinishReasonReader } from './finish-reason.js';
import { indexOf, isObject, objectOf, stringOr } from './json-value.js';

/**
 * The legacy `POST /completions`: whole answers and chunks have one shape.
 * @see openai-openapi 2.3.0, CreateCompletionResponse
 */
export const COMPLETION_ENDPOINT: Endpoint<CompletionAnswer, CompletionChunk> = {
  path: '/completions',

  toAnswer(body, finishReason) {
    if (!Array.isArray(body.choices) || body.choices.length === 0) throw badResponse('no choices');
    return {
      choices: body.choices.map((value, position) => closed(toChoice(value, position, finishReason))),
      usage: body.usage ?? undefined,
    };
  },

  chunkParser: (finishReason) => (event) => ({
    choices: eventChoices(event).map((value, position) => toChoice(value, position, finishReason)),
    usage: event.usage ?? undefined,
  }),

  toChunks: ({ choices, usage }) => [
    ...choices.map((choice) => ({ choices: [choice] })),
    ...(usage === undefined ? [] : [{ choices: [], usage }]),
  ],

  collector: () => new CompletionCollector(),
};

/** Texts of one index joined, logprobs concatenated; the last finish reason and the last usage count. */
class CompletionCollector implements Collector<CompletionAnswer, CompletionChunk> {
  private readonly choices = new Map<number, CompletionChunkChoice>();
  private usage: unknown;

  add(chunk: CompletionChunk): void {
    this.usage = chunk.usage ?? this.usage;
    for (const more of chunk.choices) {
      const sofar = this.choices.get(more.index);
      this.choices.set(more.index, sofar ? joined(sofar, more) : more);
    }
  }

  answer(): CompletionAnswer {
    const choices = [...this.choices.values()].sort((a, b) => a.index - b.index);
    return { choices: choices.map(closed), usage: this.usage };
  }
}

function toChoice(value: unknown, position: number, finishReason: FinishReasonReader): CompletionChunkChoice {
  const choice = objectOf(value, 'choice');
  const reason = finishReason(choice.finish_reason);
  return {
    text: textOf(choice.text),
    index: indexOf(choice.index, position),
    // Not looked into, as in chat.
    logprobs: isObject(choice.logprobs) ? (choice.logprobs as unknown as CompletionLogprobs) : null,
    // Tools are unknown here.
    finish_reason: reason === 'tool_calls' || reason === 'function_call' ? 'stop' : reason,
  };
}

function textOf(text: unknown): string {
  if (text !== undefined && text !== null && typeof text !== 'string')
    throw badResponse('text is not a string');
  return stringOr(text, '');
}

function closed(choice: CompletionChunkChoice): CompletionChoice {
  if (choice.finish_reason === null && choice.text === '')
    throw badResponse('neither text nor finish_reason');
  const finish_reason: CompletionFinishReason = choice.finish_reason ?? 'stop';
  return { ...choice, finish_reason };
}

function joined(sofar: CompletionChunkChoice, more: CompletionChunkChoice): CompletionChunkChoice {
  return {
    text: sofar.text + more.text,
    index: sofar.index,
    logprobs:
      sofar.logprobs && more.logprobs
        ? {
            tokens: [...sofar.logprobs.tokens, ...more.logprobs.tokens],
            token_logprobs: [...sofar.logprobs.token_logprobs, ...more.logprobs.token_logprobs],
            top_logprobs: [...sofar.logprobs.top_logprobs, ...more.logprobs.top_logprobs],
            text_offset: [...sofar.logprobs.text_offset, ...more.logprobs.text_offset],
          }
        : (sofar.logprobs ?? more.logprobs),
    finish_reason: more.finish_reason ?? sofar.finish_reason,
  };
}

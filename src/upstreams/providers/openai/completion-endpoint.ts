import type {
  CompletionChoice,
  CompletionChunkChoice,
  CompletionFinishReason,
  CompletionLogprobs,
} from '../../../contracts/openai/completion.js';
import { badResponse } from '../../upstream-failures.js';
import type { CompletionAnswer, CompletionChunk } from '../../upstream.port.js';
import { appended } from './append.js';
import { eventChoices } from './chat-stream.js';
import type { Collector, Endpoint } from './endpoint.js';
import type { FinishReasonReader } from './finish-reason.js';
import { indexOf, isObject, objectOf, shortText, stringOr } from './json-value.js';

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
      system_fingerprint: shortText(body.system_fingerprint),
    };
  },

  chunkParser: (finishReason) => (event) => ({
    choices: eventChoices(event).map((value, position) => toChoice(value, position, finishReason)),
    usage: event.usage ?? undefined,
    system_fingerprint: shortText(event.system_fingerprint),
  }),

  toChunks: ({ choices, usage, system_fingerprint }) => [
    ...choices.map((choice) => ({ choices: [choice], system_fingerprint })),
    ...(usage === undefined ? [] : [{ choices: [], usage }]),
  ],

  collector: () => new CompletionCollector(),
};

/** Texts of one index joined, logprobs concatenated; the last finish reason and the last usage count. */
class CompletionCollector implements Collector<CompletionAnswer, CompletionChunk> {
  private readonly choices = new Map<number, CompletionChunkChoice>();
  private usage: unknown;
  private systemFingerprint: string | undefined;

  add(chunk: CompletionChunk): void {
    this.usage = chunk.usage ?? this.usage;
    this.systemFingerprint ??= chunk.system_fingerprint;
    for (const more of chunk.choices) {
      const sofar = this.choices.get(more.index);
      if (sofar) add(sofar, more);
      else this.choices.set(more.index, { ...more });
    }
  }

  answer(): CompletionAnswer {
    const choices = [...this.choices.values()].sort((a, b) => a.index - b.index);
    return {
      choices: choices.map(closed),
      usage: this.usage,
      system_fingerprint: this.systemFingerprint,
    };
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

function add(sofar: CompletionChunkChoice, more: CompletionChunkChoice): void {
  sofar.text += more.text;
  sofar.finish_reason = more.finish_reason ?? sofar.finish_reason;
  if (!sofar.logprobs) sofar.logprobs = more.logprobs;
  else if (more.logprobs) addLogprobs(sofar.logprobs, more.logprobs);
}

function addLogprobs(sofar: CompletionLogprobs, more: CompletionLogprobs): void {
  sofar.tokens = appended(sofar.tokens, more.tokens);
  sofar.token_logprobs = appended(sofar.token_logprobs, more.token_logprobs);
  sofar.top_logprobs = appended(sofar.top_logprobs, more.top_logprobs);
  sofar.text_offset = appended(sofar.text_offset, more.text_offset);
}

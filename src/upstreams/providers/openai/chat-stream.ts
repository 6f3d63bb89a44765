import type { ChatChunkChoice, ChatDelta, ToolCallDelta } from '../../../contracts/openai/chat-completion.js';
import { badResponse } from '../../upstream-failures.js';
import type { ChatChunk } from '../../upstream.port.js';
import { toAudio, toLogprobs } from './chat-response.js';
import { argumentsText, contentText, reasoningText } from './content-text.js';
import type { ChunkParser } from './endpoint.js';
import type { FinishReasonReader } from './finish-reason.js';
import { indexOf, isObject, type JsonObject, objectOf, shortText } from './json-value.js';

/**
 * Events of a streamed `POST /chat/completions` as our chunks. This runs for every token of every stream: fields are
 * picked by hand.
 * @see openai-openapi 2.3.0, CreateChatCompletionStreamResponse
 */
export function chatChunkParser(finishReason: FinishReasonReader): ChunkParser<ChatChunk> {
  const indices = new ToolCallIndices();

  function toChoice(value: unknown, position: number): ChatChunkChoice {
    const choice = objectOf(value, 'choice');
    const index = indexOf(choice.index, position);
    const result: ChatChunkChoice = {
      index,
      delta: isObject(choice.delta) ? toDelta(choice.delta, index, indices) : {},
      finish_reason: finishReason(choice.finish_reason),
    };
    if (choice.logprobs !== undefined && choice.logprobs !== null)
      result.logprobs = toLogprobs(choice.logprobs);
    return result;
  }

  return (event) => ({
    choices: eventChoices(event).map(toChoice),
    usage: event.usage ?? undefined,
    system_fingerprint: shortText(event.system_fingerprint),
    service_tier: shortText(event.service_tier),
  });
}

/** Events without choices carry usage, or something of the vendor's own that we pass over. */
export function eventChoices(event: JsonObject): unknown[] {
  const { choices } = event;
  if (Array.isArray(choices)) return choices;
  if (choices === undefined || choices === null) return [];
  throw badResponse('choices is not an array');
}

function toDelta(delta: JsonObject, choiceIndex: number, indices: ToolCallIndices): ChatDelta {
  const result: ChatDelta = {};
  if (typeof delta.role === 'string') result.role = 'assistant';
  const content = contentText(delta.content);
  if (content !== null) result.content = content;
  const reasoning = reasoningText(delta);
  if (reasoning !== undefined) result.reasoning_content = reasoning;
  if (typeof delta.refusal === 'string') result.refusal = delta.refusal;
  if (Array.isArray(delta.tool_calls) && delta.tool_calls.length > 0)
    result.tool_calls = delta.tool_calls.map((call) =>
      toToolCallDelta(objectOf(call, 'tool call'), choiceIndex, indices),
    );
  if (isObject(delta.function_call)) result.function_call = named(delta.function_call, 'arguments');
  if (Array.isArray(delta.annotations)) result.annotations = delta.annotations;
  if (isObject(delta.audio)) result.audio = toAudio(delta.audio);
  return result;
}

/** Absent stays absent and null becomes absent: continuations must not repeat or unset id, type and name. */
function toToolCallDelta(call: JsonObject, choiceIndex: number, indices: ToolCallIndices): ToolCallDelta {
  const id = typeof call.id === 'string' && call.id !== '' ? call.id : undefined;
  const result: ToolCallDelta = { index: indices.resolve(choiceIndex, call.index, id !== undefined) };
  if (id !== undefined) {
    result.id = id;
    result.type = isObject(call.custom) ? 'custom' : 'function';
  }
  if (isObject(call.function)) result.function = named(call.function, 'arguments');
  if (isObject(call.custom)) result.custom = named(call.custom, 'input');
  return result;
}

function named<Rest extends 'arguments' | 'input'>(
  call: JsonObject,
  rest: Rest,
): { name?: string } & { [K in Rest]?: string } {
  const result: { name?: string } & { [K in 'arguments' | 'input']?: string } = {};
  if (typeof call.name === 'string' && call.name !== '') result.name = call.name;
  const text = argumentsText(call[rest]);
  if (text !== undefined) result[rest] = text;
  return result as { name?: string } & { [K in Rest]?: string };
}

/** Gemini's OpenAI endpoint and others send tool calls without `index`: then an id begins the next call. */
class ToolCallIndices {
  private readonly last = new Map<number, number>();

  resolve(choiceIndex: number, given: unknown, begins: boolean): number {
    const last = this.last.get(choiceIndex) ?? -1;
    const index = indexOf(given, begins ? last + 1 : Math.max(last, 0));
    this.last.set(choiceIndex, Math.max(last, index));
    return index;
  }
}

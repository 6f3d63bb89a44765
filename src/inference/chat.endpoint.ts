import { map, type Observable } from 'rxjs';
import type {
  AssistantMessage,
  ChatChunkChoice,
  ChatCompletionRequest,
} from '../contracts/openai/chat-completion.js';
import type { Model } from '../models/model.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { ChatAnswer, ChatChunk, UpstreamAdapter, UpstreamCall } from '../upstreams/upstream.port.js';
import type { Endpoint, MeteredPart } from './endpoint.js';
import { measureChat, type PromptMeasure } from './prompt.js';
import { nameToolCalls, toolCallNamer } from './tool-call-ids.js';

/** Chat completions, straight through to the adapter's chat. */
export const chatEndpoint: Endpoint<ChatCompletionRequest, ChatAnswer, ChatChunk> = {
  name: 'chat',

  measure: (request): PromptMeasure => measureChat(request),

  maxCompletionTokens(request, model) {
    const perChoice = perChoiceLimit(request, model);
    return perChoice === undefined ? undefined : perChoice * (request.n ?? 1);
  },

  choices: (request) => request.n ?? 1,
  limitsOutput: (request) => (request.max_completion_tokens ?? request.max_tokens) !== undefined,

  shorten: (answer, share) => ({
    ...answer,
    choices: answer.choices.map((choice) => {
      const { tool_calls: _calls, function_call: _call, ...message } = choice.message;
      const content = (message.content ?? '').slice(0, Math.floor((message.content ?? '').length * share));
      return { ...choice, message: { ...message, content }, finish_reason: 'length' as const };
    }),
  }),

  forUpstream(request, model, upstreamModel) {
    const {
      model: _public,
      stream: _stream,
      stream_options: _options,
      conversation_id: _id,
      ...rest
    } = request;
    const limit = model.maxCompletionTokens;
    const sent: ChatCompletionRequest = { ...rest, model: upstreamModel };
    // More than the model has would be refused by some upstreams and cut by others.
    if (limit > 0 && sent.max_tokens !== undefined) sent.max_tokens = Math.min(sent.max_tokens, limit);
    if (limit > 0 && sent.max_completion_tokens !== undefined) {
      sent.max_completion_tokens = Math.min(sent.max_completion_tokens, limit);
    }
    // Both say the same thing; the newer name wins and is the only one sent.
    if (sent.max_completion_tokens !== undefined) delete sent.max_tokens;
    // Both are ours: answers are stored here, and OpenAI refuses metadata of what it does not store.
    delete sent.store;
    delete sent.metadata;
    return sent;
  },

  complete: (
    adapter: UpstreamAdapter,
    call: UpstreamCall<ChatCompletionRequest>,
    _model: Model,
    signal: AbortSignal,
  ): Promise<ChatAnswer> => adapter.completeChat(call, signal).then(nameToolCalls),

  stream: (
    adapter: UpstreamAdapter,
    call: UpstreamCall<ChatCompletionRequest>,
    _model: Model,
    flow: FlowGate,
  ): Observable<ChatChunk> => adapter.streamChat(call, flow).pipe(map(toolCallNamer())),

  partsOfAnswer: (answer) =>
    answer.choices.map((choice) => ({
      text: messageText(choice.message),
      finishReason: choice.finish_reason,
    })),

  partsOfChunk: (chunk) => chunk.choices.map(partOfChoice),

  usageOfAnswer: (answer) => answer.usage,
  usageOfChunk: (chunk) => chunk.usage,
};

/** The client's limit, or the model's own; `undefined` where neither is known. */
export function perChoiceLimit(
  request: { max_tokens?: number; max_completion_tokens?: number },
  model: Model,
): number | undefined {
  const asked = request.max_completion_tokens ?? request.max_tokens;
  const limit = model.maxCompletionTokens > 0 ? model.maxCompletionTokens : undefined;
  if (asked === undefined) return limit;
  return limit === undefined ? asked : Math.min(asked, limit);
}

function partOfChoice(choice: ChatChunkChoice): MeteredPart {
  const { delta } = choice;
  let text = delta.content ?? '';
  if (delta.reasoning_content) text += delta.reasoning_content;
  if (delta.refusal) text += delta.refusal;
  if (delta.tool_calls) {
    for (const call of delta.tool_calls) {
      text +=
        (call.function?.name ?? call.custom?.name ?? '') +
        (call.function?.arguments ?? call.custom?.input ?? '');
    }
  }
  if (delta.function_call) text += (delta.function_call.name ?? '') + (delta.function_call.arguments ?? '');
  return { text, finishReason: choice.finish_reason };
}

function messageText(message: AssistantMessage): string {
  let text = (message.content ?? '') + (message.reasoning_content ?? '') + (message.refusal ?? '');
  for (const call of message.tool_calls ?? []) {
    text +=
      call.type === 'function'
        ? call.function.name + call.function.arguments
        : call.custom.name + call.custom.input;
  }
  if (message.function_call) text += message.function_call.name + message.function_call.arguments;
  return text;
}

import type {
  AssistantMessage,
  ChatChoice,
  ChoiceLogprobs,
  FinishReason,
  ToolCall,
} from '../../../contracts/openai/chat-completion.js';
import type { SpokenAudio } from '../../../contracts/openai/spoken-audio.js';
import { badResponse } from '../../upstream-failures.js';
import type { ChatAnswer } from '../../upstream.port.js';
import { argumentsText, contentText, reasoningText } from './content-text.js';
import type { FinishReasonReader } from './finish-reason.js';
import { indexOf, isObject, type JsonObject, objectOf, shortText, stringOr } from './json-value.js';

/**
 * Body of `POST /chat/completions` as our answer: what is known is picked, the rest left behind.
 * @throws UpstreamError
 * @see openai-openapi 2.3.0, CreateChatCompletionResponse
 */
export function toChatAnswer(body: JsonObject, finishReason: FinishReasonReader): ChatAnswer {
  const { choices } = body;
  if (!Array.isArray(choices) || choices.length === 0) throw badResponse('no choices');
  return {
    choices: choices.map((choice, position) => toChoice(objectOf(choice, 'choice'), position, finishReason)),
    usage: body.usage ?? undefined,
    system_fingerprint: shortText(body.system_fingerprint),
    service_tier: shortText(body.service_tier),
  };
}

function toChoice(choice: JsonObject, position: number, finishReason: FinishReasonReader): ChatChoice {
  const message = toMessage(objectOf(choice.message, 'message'));
  return {
    index: indexOf(choice.index, position),
    message,
    finish_reason: finishReason(choice.finish_reason) ?? impliedFinishReason(message),
    logprobs: toLogprobs(choice.logprobs),
  };
}

/** Some small servers leave `finish_reason` null in a complete answer. Without any content it is a failure. */
function impliedFinishReason(message: AssistantMessage): FinishReason {
  if (message.tool_calls) return 'tool_calls';
  if (message.function_call) return 'function_call';
  if (message.content || message.refusal) return 'stop';
  throw badResponse('neither content nor finish_reason');
}

function toMessage(message: JsonObject): AssistantMessage {
  const reasoning = reasoningText(message);
  const toolCalls = toToolCalls(message.tool_calls);
  const functionCall = message.function_call;
  return {
    role: 'assistant',
    content: contentText(message.content),
    refusal: stringOr(message.refusal, null),
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    ...(isObject(functionCall) && {
      function_call: {
        name: stringOr(functionCall.name, ''),
        arguments: argumentsText(functionCall.arguments) ?? '{}',
      },
    }),
    ...(Array.isArray(message.annotations) && { annotations: message.annotations }),
    ...(isObject(message.audio) && { audio: toAudio(message.audio) }),
  };
}

export function toAudio({ data, transcript, ...audio }: JsonObject): SpokenAudio {
  return {
    ...audio,
    ...(typeof data === 'string' && { data }),
    ...(typeof transcript === 'string' && { transcript }),
  };
}

function toToolCalls(calls: unknown): ToolCall[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw badResponse('tool_calls is not an array');
  return calls.map((value) => {
    const call = objectOf(value, 'tool call');
    const id = stringOr(call.id, '');
    if (isObject(call.custom))
      return {
        id,
        type: 'custom',
        custom: { name: stringOr(call.custom.name, ''), input: stringOr(call.custom.input, '') },
      };
    const called = objectOf(call.function, 'function');
    return {
      id,
      type: 'function',
      function: { name: stringOr(called.name, ''), arguments: argumentsText(called.arguments) ?? '{}' },
    };
  });
}

/** Not looked into: a client that asked for logprobs gets what the upstream says of them. */
export function toLogprobs(value: unknown): ChoiceLogprobs | null {
  return isObject(value) ? (value as unknown as ChoiceLogprobs) : null;
}

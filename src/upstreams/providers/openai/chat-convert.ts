/** U24: an upstream that streams although we did not ask, and one that does not although we did. */
import type {
  AssistantMessage,
  ChatChunkChoice,
  ChatDelta,
  ChoiceLogprobs,
  FinishReason,
  ToolCall,
  ToolCallDelta,
} from '../../../contracts/openai/chat-completion.js';
import { joinAudio, type SpokenAudio } from '../../../contracts/openai/spoken-audio.js';
import type { ChatAnswer, ChatChunk } from '../../upstream.port.js';
import { appended } from './append.js';
import type { Collector } from './endpoint.js';

/** For each choice one chunk with all that was said and one that ends it; usage comes last. */
export function chatAnswerToChunks(answer: ChatAnswer): ChatChunk[] {
  const { system_fingerprint, service_tier } = answer;
  const chunks: ChatChunk[] = answer.choices.flatMap(({ index, message, finish_reason, logprobs }) => {
    const said: ChatChunkChoice = { index, delta: toDelta(message), finish_reason: null };
    if (logprobs) said.logprobs = logprobs;
    return [
      { choices: [said], system_fingerprint, service_tier },
      { choices: [{ index, delta: {}, finish_reason }], system_fingerprint, service_tier },
    ];
  });
  if (answer.usage !== undefined) chunks.push({ choices: [], usage: answer.usage });
  return chunks;
}

function toDelta(message: AssistantMessage): ChatDelta {
  const { tool_calls, ...rest } = message;
  return tool_calls ? { ...rest, tool_calls: tool_calls.map((call, index) => ({ index, ...call })) } : rest;
}

interface PartialChoice {
  message: AssistantMessage;
  /** By their `index`, in the order in which they begin. */
  toolCalls: Map<number, ToolCallDelta>;
  audio: SpokenAudio[];
  finish_reason: FinishReason | null;
  logprobs: ChoiceLogprobs | null;
}

/** Puts the chunks of a complete stream together. */
export class ChatCollector implements Collector<ChatAnswer, ChatChunk> {
  private readonly choices = new Map<number, PartialChoice>();
  private usage: unknown;
  private systemFingerprint: string | undefined;
  private serviceTier: string | undefined;

  add(chunk: ChatChunk): void {
    this.usage = chunk.usage ?? this.usage;
    this.systemFingerprint ??= chunk.system_fingerprint;
    this.serviceTier = chunk.service_tier ?? this.serviceTier;
    for (const { index, delta, finish_reason, logprobs } of chunk.choices) {
      const choice = this.choice(index);
      addDelta(choice, delta);
      choice.finish_reason = finish_reason ?? choice.finish_reason;
      if (logprobs) addLogprobs(choice, logprobs);
    }
  }

  answer(): ChatAnswer {
    const choices = [...this.choices].sort(([a], [b]) => a - b);
    return {
      choices: choices.map(([index, { finish_reason, logprobs, ...said }]) => ({
        index,
        message: toMessage(said),
        // A complete stream has one for every choice.
        finish_reason: finish_reason ?? 'stop',
        logprobs,
      })),
      usage: this.usage,
      system_fingerprint: this.systemFingerprint,
      service_tier: this.serviceTier,
    };
  }

  private choice(index: number): PartialChoice {
    let choice = this.choices.get(index);
    if (!choice) {
      choice = {
        message: { role: 'assistant', content: null, refusal: null },
        toolCalls: new Map(),
        audio: [],
        finish_reason: null,
        logprobs: null,
      };
      this.choices.set(index, choice);
    }
    return choice;
  }
}

function toMessage({ message, toolCalls, audio }: Pick<PartialChoice, 'message' | 'toolCalls' | 'audio'>) {
  const spoken = joinAudio(audio);
  return {
    ...message,
    ...(toolCalls.size > 0 && { tool_calls: Array.from(toolCalls.values(), toToolCall) }),
    ...(spoken && { audio: spoken }),
  };
}

function addDelta({ message, toolCalls, audio }: PartialChoice, delta: ChatDelta): void {
  if (typeof delta.content === 'string') message.content = (message.content ?? '') + delta.content;
  if (typeof delta.refusal === 'string') message.refusal = (message.refusal ?? '') + delta.refusal;
  if (typeof delta.reasoning_content === 'string')
    message.reasoning_content = (message.reasoning_content ?? '') + delta.reasoning_content;
  for (const call of delta.tool_calls ?? []) addToolCall(toolCalls, call);
  if (delta.function_call)
    message.function_call = {
      name: (message.function_call?.name ?? '') + (delta.function_call.name ?? ''),
      arguments: (message.function_call?.arguments ?? '') + (delta.function_call.arguments ?? ''),
    };
  if (delta.annotations) message.annotations = appended(message.annotations, delta.annotations);
  if (delta.audio) audio.push(delta.audio);
}

function addToolCall(calls: Map<number, ToolCallDelta>, delta: ToolCallDelta): void {
  const call = calls.get(delta.index);
  if (!call) {
    calls.set(delta.index, structuredClone(delta));
    return;
  }
  if (delta.function)
    call.function = {
      name: call.function?.name ?? delta.function.name ?? '',
      arguments: (call.function?.arguments ?? '') + (delta.function.arguments ?? ''),
    };
  if (delta.custom)
    call.custom = {
      name: call.custom?.name ?? delta.custom.name ?? '',
      input: (call.custom?.input ?? '') + (delta.custom.input ?? ''),
    };
}

function toToolCall({ id = '', function: called, custom }: ToolCallDelta): ToolCall {
  return custom
    ? { id, type: 'custom', custom: { name: custom.name ?? '', input: custom.input ?? '' } }
    : { id, type: 'function', function: { name: called?.name ?? '', arguments: called?.arguments ?? '{}' } };
}

function addLogprobs(choice: PartialChoice, more: ChoiceLogprobs): void {
  choice.logprobs ??= { content: null, refusal: null };
  const { logprobs } = choice;
  if (more.content) logprobs.content = appended(logprobs.content, more.content);
  if (more.refusal) logprobs.refusal = appended(logprobs.refusal, more.refusal);
}

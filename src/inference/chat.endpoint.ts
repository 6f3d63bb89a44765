import { map, type Observable } from 'rxjs';
import type {
  AssistantMessage,
  ChatChunkChoice,
  ChatCompletionRequest,
  ChatDelta,
  ChatMessage,
} from '../contracts/openai/chat-completion.js';
import type { SpokenAudio } from '../contracts/openai/spoken-audio.js';
import type { Model } from '../models/model.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { ChatAnswer, ChatChunk, UpstreamAdapter, UpstreamCall } from '../upstreams/upstream.port.js';
import type { Endpoint, MeteredPart } from './endpoint.js';
import { leastCharsOfToken } from '../surfaces/answer-text.js';
import { truncateBytes } from './truncate-bytes.js';
import { measureChat, type PromptMeasure } from './prompt.js';
import { tierToSend } from './pricing-choice.js';
import { nameToolCalls, toolCallNamer } from './tool-call-ids.js';

/** Chat completions, straight through to the adapter's chat. */
export const chatEndpoint: Endpoint<ChatCompletionRequest, ChatAnswer, ChatChunk> = {
  name: 'chat',

  measure: (request, model): PromptMeasure => measureChat(request, model),

  maxCompletionTokens(request, model) {
    const perChoice = perChoiceLimit(request, model);
    return perChoice === undefined ? undefined : perChoice * (request.n ?? 1);
  },

  limitsOutput: (request) => (request.max_completion_tokens ?? request.max_tokens) !== undefined,

  priceFacts: ({ service_tier, web_search_options, n, modalities, messages }) => ({
    serviceTier: service_tier,
    searchesWeb: web_search_options !== undefined,
    choices: n ?? 1,
    hears: messages.some(hasSound),
    speaks: modalities?.includes('audio') === true,
  }),

  tierOf: ({ service_tier }) => service_tier,
  charsOfToken: ({ logprobs, top_logprobs = 0 }) => (logprobs === true ? leastCharsOfToken(top_logprobs) : 0),

  shorten: (answer, share) => ({
    ...answer,
    choices: answer.choices.map(({ index, message }) => {
      const { content, refusal, ...thoughts } = paidTexts(message, share);
      return {
        index,
        message: { role: 'assistant', content: content ?? '', refusal: refusal ?? null, ...thoughts },
        finish_reason: 'length',
        logprobs: null,
      };
    }),
  }),

  shortenChunk: ({ usage: _ofMore, ...chunk }, share) => ({
    ...chunk,
    choices: chunk.choices.map(({ index, delta }) => ({
      index,
      delta: { ...(delta.role && { role: delta.role }), ...paidTexts(delta, share) },
      finish_reason: null,
    })),
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
    const tier = tierToSend(model, request.service_tier);
    if (tier !== undefined) sent.service_tier = tier;
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
      ...(choice.message.audio ? { soundTokens: soundTokens(choice.message.audio) } : {}),
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

/** A file, and what is called an image, may be one, too. */
function hasSound({ content, audio }: ChatMessage): boolean {
  if (audio) return true;
  if (!Array.isArray(content)) return false;
  return content.some(
    (part) =>
      part.type === 'input_audio' ||
      part.type === 'file' ||
      (part.type === 'image_url' && /^data:(?!image\/)/i.test(part.image_url.url)),
  );
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
  if (!delta.audio) {
    return delta.reasoning_content
      ? { text, finishReason: choice.finish_reason, thinks: true }
      : { text, finishReason: choice.finish_reason };
  }
  text += delta.audio.transcript ?? '';
  return { text, finishReason: choice.finish_reason, soundTokens: soundTokens(delta.audio) };
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
  return text + (message.audio?.transcript ?? '');
}

/** Of what a model wrote, in the order in which it did: the first part. Calls and sound are of no use in part. */
function paidTexts(
  { reasoning_content, refusal, content }: Pick<ChatDelta, 'reasoning_content' | 'refusal' | 'content'>,
  share: number,
): { reasoning_content?: string; refusal?: string; content?: string } {
  const [thoughts, declined, said] = truncateBytes([reasoning_content, refusal, content], share);
  return {
    ...(thoughts && { reasoning_content: thoughts }),
    ...(declined && { refusal: declined }),
    ...(said && { content: said }),
  };
}

/** A second of it has 20 tokens, and as 16 bit PCM of 24 kHz, the one form that is streamed, 64,000 characters of base64. */
const SOUND_CHARS_PER_TOKEN = 3_200;

function soundTokens({ data }: SpokenAudio): number {
  return (data?.length ?? 0) / SOUND_CHARS_PER_TOKEN;
}

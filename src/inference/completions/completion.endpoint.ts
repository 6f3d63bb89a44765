import type { Observable } from 'rxjs';
import type { CompletionChunkChoice, CompletionRequest } from '../../contracts/openai/completion.js';
import type { Model } from '../../models/model.js';
import type { FlowGate } from '../../streaming/flow-gate.js';
import type {
  CompletionAnswer,
  CompletionChunk,
  EchoedText,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstreams/upstream.port.js';
import type { Calls } from '../calls.js';
import { perChoiceLimit } from '../chat.endpoint.js';
import { NO_PRESET, type ChatPreset, type PresetCompletionRequest } from './chat-preset.js';
import { candidateCount, promptCount } from './chat-request.js';
import { measureCalls, measureFirst } from './measure-calls.js';
import { completeOverChat, streamOverChat } from './over-chat.js';
import { markEcho, markStreamedEcho } from './native-echo.js';
import type { Endpoint, MeteredPart } from '../endpoint.js';
import { truncateBytes } from '../truncate-bytes.js';
import { tierToSend } from '../pricing-choice.js';
import { measureCompletion } from '../prompt.js';

type TextChoice = Pick<CompletionChunkChoice, 'text' | 'finish_reason'>;

/** Legacy completions: natively where model and upstream have them, else one chat call a prompt. */
export const completionEndpoint: Endpoint<PresetCompletionRequest, CompletionAnswer, CompletionChunk> = {
  name: 'completions',

  measure(request, model) {
    if (goesOverChat(request, model)) return measureCalls(request, request.preset ?? NO_PRESET);
    const { prompt, suffix = '' } = request;
    const around = suffix === '' ? undefined : { texts: [suffix], times: promptCount(prompt) };
    return measureCompletion(prompt, around, candidateCount(request));
  },

  measureFirst(request, model) {
    return goesOverChat(request, model)
      ? measureFirst(request, request.preset ?? NO_PRESET)
      : this.measure(request, model);
  },

  maxCompletionTokens(request, model) {
    const perChoice = perChoiceLimit(request, model);
    return perChoice === undefined
      ? undefined
      : perChoice * candidateCount(request) * promptCount(request.prompt);
  },

  limitsOutput: (request) => request.max_tokens !== undefined,

  // It has no field that changes it.
  priceFacts: (request) => ({
    serviceTier: undefined,
    searchesWeb: false,
    choices: candidateCount(request),
    hears: false,
    speaks: false,
  }),
  tierOf: () => undefined,
  // Its form is a shorter one: an alternative is a name and a number.
  charsOfToken: ({ logprobs }) => (logprobs === undefined ? 0 : 20 * (1 + logprobs)),

  shorten: (answer, share) => ({
    ...answer,
    choices: answer.choices.map((choice) => ({
      ...choice,
      text: paidText(choice, share),
      finish_reason: 'length' as const,
      logprobs: null,
    })),
  }),

  shortenChunk: ({ usage: _ofMore, ...chunk }, share) => ({
    ...chunk,
    choices: chunk.choices.map((choice) => ({
      ...choice,
      text: paidText(choice, share),
      finish_reason: null,
      logprobs: null,
    })),
  }),

  forUpstream(request, model, upstreamModel) {
    const { model: _public, stream: _stream, stream_options: _options, ...rest } = request;
    const maxTokens = perChoiceLimit(request, model);
    // Chat calls go along with it; the endpoint of legacy completions knows no tiers.
    const tier = goesOverChat(request, model) ? tierToSend(model, undefined) : undefined;
    return {
      ...rest,
      model: upstreamModel,
      ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      ...(tier !== undefined && { service_tier: tier }),
    };
  },

  complete(
    adapter: UpstreamAdapter,
    call: UpstreamCall<PresetCompletionRequest>,
    model: Model,
    signal: AbortSignal,
    calls?: Calls,
  ): Promise<CompletionAnswer> {
    const { preset } = call.request;
    if (preset === undefined && model.completions === 'native' && adapter.completeText !== undefined) {
      return adapter.completeText(call, signal).then((answer) => markEcho(call.request, answer));
    }
    const chat = apart(call);
    return completeOverChat(adapter, chat.call, signal, chat.preset, calls);
  },

  stream(
    adapter: UpstreamAdapter,
    call: UpstreamCall<PresetCompletionRequest>,
    model: Model,
    flow: FlowGate,
    calls?: Calls,
  ): Observable<CompletionChunk> {
    const { preset } = call.request;
    if (preset === undefined && model.completions === 'native' && adapter.streamText !== undefined) {
      return adapter.streamText(call, flow).pipe(markStreamedEcho(call.request));
    }
    const chat = apart(call);
    return streamOverChat(adapter, chat.call, flow, chat.preset, calls);
  },

  partsOfAnswer: (answer) => answer.choices.map(partOfChoice),
  partsOfChunk: (chunk) => chunk.choices.map(partOfChoice),
  usageOfAnswer: (answer) => answer.usage,
  usageOfChunk: (chunk) => chunk.usage,
};

/** One chat call a prompt; else the upstream has legacy completions of its own. */
function goesOverChat({ preset }: PresetCompletionRequest, model: Model): boolean {
  return preset !== undefined || model.completions === 'chat';
}

/** What the calls are made of, and what each takes along. */
function apart(call: UpstreamCall<PresetCompletionRequest>): {
  readonly call: UpstreamCall<CompletionRequest>;
  readonly preset: ChatPreset;
} {
  if (call.request.preset === undefined) return { call, preset: NO_PRESET };
  const { preset, ...request } = call.request;
  return { call: { ...call, request }, preset };
}

/** The prompt that is repeated, and the first part of what was generated. */
function paidText({ text, echoedChars = 0 }: EchoedText & Pick<TextChoice, 'text'>, share: number): string {
  return text.slice(0, echoedChars) + truncateBytes([text.slice(echoedChars)], share)[0];
}

function partOfChoice({ text, finish_reason, echoedChars }: EchoedText & TextChoice): MeteredPart {
  return { text: text.slice(echoedChars ?? 0), finishReason: finish_reason };
}

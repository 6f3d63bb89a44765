import type { Observable } from 'rxjs';
import type {
  CompletionChunkChoice,
  CompletionPrompt,
  CompletionRequest,
} from '../../contracts/openai/completion.js';
import type { Model } from '../../models/model.js';
import type { FlowGate } from '../../streaming/flow-gate.js';
import type {
  CompletionAnswer,
  CompletionChunk,
  EchoedText,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstreams/upstream.port.js';
import { perChoiceLimit } from '../chat.endpoint.js';
import { completeOverChat, streamOverChat } from './over-chat.js';
import { markEcho, markStreamedEcho } from './native-echo.js';
import type { Endpoint, MeteredPart } from '../endpoint.js';
import { measureCompletion } from '../prompt.js';

type TextChoice = Pick<CompletionChunkChoice, 'text' | 'finish_reason'>;

/** Legacy completions: natively where model and upstream have them, else one chat call a prompt. */
export const completionEndpoint: Endpoint<CompletionRequest, CompletionAnswer, CompletionChunk> = {
  name: 'completions',

  measure: (request) => measureCompletion(request.prompt, request.suffix),

  maxCompletionTokens(request, model) {
    const perChoice = perChoiceLimit(request, model);
    const candidates = Math.max(request.n ?? 1, request.best_of ?? 1);
    return perChoice === undefined ? undefined : perChoice * candidates * promptCount(request.prompt);
  },

  choices: (request) => Math.max(request.n ?? 1, request.best_of ?? 1),
  limitsOutput: (request) => request.max_tokens !== undefined,

  shorten: (answer, share) => ({
    ...answer,
    choices: answer.choices.map((choice) => ({
      ...choice,
      text: choice.text.slice(0, Math.floor(choice.text.length * share)),
      finish_reason: 'length' as const,
    })),
  }),

  forUpstream(request, model, upstreamModel) {
    const { model: _public, stream: _stream, stream_options: _options, ...rest } = request;
    const maxTokens = perChoiceLimit(request, model);
    return { ...rest, model: upstreamModel, ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }) };
  },

  complete(
    adapter: UpstreamAdapter,
    call: UpstreamCall<CompletionRequest>,
    model: Model,
    signal: AbortSignal,
  ): Promise<CompletionAnswer> {
    return model.completions === 'native' && adapter.completeText !== undefined
      ? adapter.completeText(call, signal).then((answer) => markEcho(call.request, answer))
      : completeOverChat(adapter, call, signal);
  },

  stream(
    adapter: UpstreamAdapter,
    call: UpstreamCall<CompletionRequest>,
    model: Model,
    flow: FlowGate,
  ): Observable<CompletionChunk> {
    return model.completions === 'native' && adapter.streamText !== undefined
      ? adapter.streamText(call, flow).pipe(markStreamedEcho(call.request))
      : streamOverChat(adapter, call, flow);
  },

  partsOfAnswer: (answer) => answer.choices.map(partOfChoice),
  partsOfChunk: (chunk) => chunk.choices.map(partOfChoice),
  usageOfAnswer: (answer) => answer.usage,
  usageOfChunk: (chunk) => chunk.usage,
};

function partOfChoice({ text, finish_reason, echoedChars }: EchoedText & TextChoice): MeteredPart {
  return { text: text.slice(echoedChars ?? 0), finishReason: finish_reason };
}

/** `number[]` is one prompt; `string[]` and `number[][]` are as many as they have items. */
export function promptCount(prompt: CompletionPrompt): number {
  return typeof prompt === 'string' || typeof prompt[0] === 'number' ? 1 : prompt.length;
}

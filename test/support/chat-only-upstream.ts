/** What the unit specs of legacy completions over chat share: upstreams as objects, and what these say. */
import { firstValueFrom, throwError, toArray, type Observable } from 'rxjs';
import type {
  AssistantMessage,
  ChatChoice,
  ChatCompletionRequest,
  ChatDelta,
  FinishReason,
  TokenLogprob,
} from '../../src/contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../src/contracts/openai/completion.js';
import { completeOverChat, streamOverChat } from '../../src/inference/completions/over-chat.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import type {
  ChatAnswer,
  ChatChunk,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../../src/upstreams/upstream.port.js';

type ChatCall = UpstreamCall<ChatCompletionRequest>;

/** An upstream with nothing but chat. A call that a test does not expect fails it. */
export class ChatOnly implements UpstreamAdapter {
  readonly protocols = ['chat'] as const;
  readonly calls: ChatCall[] = [];

  constructor(
    private readonly answer: (request: ChatCompletionRequest, signal: AbortSignal) => Promise<ChatAnswer>,
    private readonly chunks: (request: ChatCompletionRequest, flow: FlowGate) => Observable<ChatChunk>,
  ) {}

  completeChat(call: ChatCall, signal: AbortSignal): Promise<ChatAnswer> {
    this.calls.push(call);
    return this.answer(call.request, signal);
  }

  streamChat(call: ChatCall, flow: FlowGate): Observable<ChatChunk> {
    this.calls.push(call);
    return this.chunks(call.request, flow);
  }
}

export const neverStreams = (): Observable<ChatChunk> => throwError(() => new Error('streamed unexpectedly'));
export const neverAnswers = (): Promise<ChatAnswer> => Promise.reject(new Error('called unexpectedly'));

export function answering(
  answer: (request: ChatCompletionRequest, signal: AbortSignal) => ChatAnswer | Promise<ChatAnswer>,
): ChatOnly {
  return new ChatOnly(async (request, signal) => answer(request, signal), neverStreams);
}

export function streaming(
  chunks: (request: ChatCompletionRequest, flow: FlowGate) => Observable<ChatChunk>,
): ChatOnly {
  return new ChatOnly(neverAnswers, chunks);
}

/** A call for the prompt `a`. */
export function callOf(request: Partial<CompletionRequest>): UpstreamCall<CompletionRequest> {
  return {
    requestId: 'req_1',
    request: { model: 'm', prompt: 'a', ...request },
    timeouts: { connectMs: 1, firstTokenMs: 1, betweenChunksMs: 1, totalMs: 1 },
  };
}

export function complete(adapter: UpstreamAdapter, request: Partial<CompletionRequest>) {
  return completeOverChat(adapter, callOf(request), new AbortController().signal);
}

export function stream(
  adapter: UpstreamAdapter,
  request: Partial<CompletionRequest>,
): Promise<CompletionChunk[]> {
  return firstValueFrom(streamOverChat(adapter, callOf(request), new FlowGate()).pipe(toArray()));
}

export function choice(
  index: number,
  message: Partial<AssistantMessage>,
  rest: Partial<ChatChoice> = {},
): ChatChoice {
  return {
    index,
    message: { role: 'assistant', content: null, refusal: null, ...message },
    finish_reason: 'stop',
    logprobs: null,
    ...rest,
  };
}

export function usage(prompt: number, completion: number): unknown {
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** What the one user message says. */
export function promptOf(request: ChatCompletionRequest): string {
  return String(request.messages.find(({ role }) => role === 'user')?.content);
}

/** Answers `n` choices that name their prompt and position: `<a0>`. */
export function naming(request: ChatCompletionRequest): ChatAnswer {
  const choices = Array.from({ length: request.n ?? 1 }, (_, index) =>
    choice(index, { content: `<${promptOf(request)}${index}>` }),
  );
  return { choices, usage: usage(2, 3 * choices.length) };
}

/** A chunk of one choice. */
export function delta(index: number, said: ChatDelta, finishReason: FinishReason | null = null): ChatChunk {
  return { choices: [{ index, delta: said, finish_reason: finishReason }] };
}

/** With an alternative, `?`. */
export function token(
  text: string,
  logprob: number,
  bytes: number[] | null = [...Buffer.from(text)],
): TokenLogprob {
  return { token: text, logprob, bytes, top_logprobs: [{ token: '?', logprob: -9, bytes: [63] }] };
}

/** Lets everything that is already decided happen. */
export async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

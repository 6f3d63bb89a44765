/**
 * Legacy completions for upstreams that only have chat: one chat call a prompt, its answers put together as one.
 *
 * A chat model answers a prompt more than it goes on with it, and `suffix` is an instruction to it. Chat gives no log
 * probabilities of the prompt, so with `echo` they begin at the completion. All else is as the endpoint promises.
 */
import {
  concat,
  concatMap,
  defer,
  EMPTY,
  firstValueFrom,
  from,
  mergeMap,
  of,
  throwError,
  toArray,
  type Observable,
} from 'rxjs';
import type { CompletionRequest } from '../../contracts/openai/completion.js';
import type { FlowGate } from '../../streaming/flow-gate.js';
import type {
  CompletionAnswer,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstreams/upstream.port.js';
import { choiceWithoutTokens, toCompletionChoices, tooFewChoices } from './chat-answer.js';
import { Calls } from '../calls.js';
import { NO_PRESET, type ChatPreset } from './chat-preset.js';
import { choiceCount, toChatRequest } from './chat-request.js';
import { measureCalls } from './measure-calls.js';
import { PromptStream } from './prompt-stream.js';
import { readPrompts } from './prompts.js';
import { sumUsage } from './sum-usage.js';

/** Calls under way for one request: a thousand prompts must not take every socket to the upstream. */
const CALLS_AT_ONCE = 4;

/**
 * Completes every prompt, choices in prompt-major order (`index` = prompt × n + position). One failed call fails all
 * and aborts the others. Usage is the sum of all calls, discarded `best_of` candidates included, and `undefined`
 * unless every call reported its own; it is `undefined` also where no call was needed (`max_tokens` 0).
 *
 * @throws UpstreamError
 */
export async function completeOverChat(
  adapter: UpstreamAdapter,
  call: UpstreamCall<CompletionRequest>,
  signal: AbortSignal,
  preset: ChatPreset = NO_PRESET,
  calls = new Calls(),
): Promise<CompletionAnswer> {
  const { request } = call;
  calls.countedBy((read) => measureCalls({ ...request, prompt: [...read] }, preset));
  const prompts = await readPrompts(request, preset);
  if (request.max_tokens === 0) return { choices: choicesWithoutTokens(request, prompts), usage: undefined };

  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const completeOne = async (prompt: string, position: number) => {
    const chatRequest = toChatRequest(request, prompt, preset);
    const answer = await adapter.completeChat({ ...call, request: chatRequest }, either);
    calls.answered({ prompt, usage: answer.usage });
    const choices = toCompletionChoices(request, prompt, answer, position * choiceCount(request));
    return { position, choices, usage: answer.usage, fingerprint: answer.system_fingerprint };
  };
  try {
    const completed = await firstValueFrom(
      from(prompts).pipe(mergeMap(completeOne, CALLS_AT_ONCE), toArray()),
    );
    completed.sort((a, b) => a.position - b.position);
    return {
      choices: completed.flatMap(({ choices }) => choices),
      usage: sumUsage(completed.map(({ usage }) => usage)),
      system_fingerprint: completed.find(({ fingerprint }) => fingerprint !== undefined)?.fingerprint,
    };
  } catch (error) {
    failed.abort();
    throw error;
  }
}

/**
 * The same in chunks of one choice each. Every text chunk of the upstream is passed on in the turn it came in, so the
 * chunks of one choice keep their order while choices and prompts take turns. Usage comes once, in a last chunk of its
 * own. Cold; unsubscribing aborts all calls, and every call waits at `flow`. Errors with `UpstreamError`.
 *
 * @param calls told of each call; once it is stopped those under way end, and no other is made
 */
export function streamOverChat(
  adapter: UpstreamAdapter,
  call: UpstreamCall<CompletionRequest>,
  flow: FlowGate,
  preset: ChatPreset = NO_PRESET,
  calls = new Calls(),
): Observable<CompletionChunk> {
  const { request } = call;
  calls.countedBy((read) => measureCalls({ ...request, prompt: [...read] }, preset));
  return defer(() => readPrompts(request, preset)).pipe(
    mergeMap((prompts) => {
      if (request.max_tokens === 0) return chunksWithoutTokens(request, prompts);
      const streams = prompts.map(
        (prompt, position) => new PromptStream(request, prompt, position * choiceCount(request), preset),
      );
      return concat(
        from(streams).pipe(
          mergeMap((stream) => {
            return calls.stopped ? EMPTY : streamOne(adapter, call, stream, flow, calls);
          }, CALLS_AT_ONCE),
        ),
        defer(() => usageChunk(streams)),
      );
    }),
  );
}

function streamOne(
  adapter: UpstreamAdapter,
  call: UpstreamCall<CompletionRequest>,
  stream: PromptStream,
  flow: FlowGate,
  calls: Calls,
): Observable<CompletionChunk> {
  return concat(
    adapter.streamChat({ ...call, request: stream.chatRequest }, flow).pipe(
      concatMap((chunk, position) => {
        if (position === 0) calls.answered(stream);
        return stream.next(chunk);
      }),
    ),
    defer(() => (stream.finished ? EMPTY : throwError(tooFewChoices))),
  );
}

function usageChunk(streams: readonly PromptStream[]): Observable<CompletionChunk> {
  const usage = sumUsage(streams.map((stream) => stream.usage));
  return usage === undefined ? EMPTY : of({ choices: [], usage });
}

function choicesWithoutTokens(
  request: CompletionRequest,
  prompts: readonly string[],
): CompletionAnswer['choices'] {
  const count = choiceCount(request);
  return prompts.flatMap((prompt, position) =>
    Array.from({ length: count }, (_, choice) =>
      choiceWithoutTokens(request, prompt, position * count + choice),
    ),
  );
}

function chunksWithoutTokens(
  request: CompletionRequest,
  prompts: readonly string[],
): Observable<CompletionChunk> {
  const choices = choicesWithoutTokens(request, prompts);
  return from(
    choices.flatMap((choice): CompletionChunk[] => {
      const ended = {
        choices: [{ index: choice.index, text: '', logprobs: null, finish_reason: choice.finish_reason }],
      };
      return choice.text === '' ? [ended] : [{ choices: [{ ...choice, finish_reason: null }] }, ended];
    }),
  );
}

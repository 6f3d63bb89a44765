import type { Observable } from 'rxjs';
import type { ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../../contracts/openai/completion.js';
import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import type {
  ChatAnswer,
  ChatChunk,
  CompletionAnswer,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstream.port.js';
import { getBehaviour, type Behaviour, type Fault } from './behaviour.js';
import { toChatAnswer } from './chat-answer.js';
import { countChatChunks, toChatChunks } from './chat-chunks.js';
import { planChat } from './chat-plan.js';
import { countCompletionChunks, toCompletionAnswer, toCompletionChunks } from './completion-answer.js';
import { planCompletion } from './completion-plan.js';
import { cancelled, deadlinePassed } from './failures.js';
import { pauseFor } from './pause.js';
import { play, type Script } from './playback.js';
import { Turns } from './turns.js';

export interface SandboxOptions {
  /** Pause of the model `slow` before every token. */
  readonly slowPauseMs?: number;
}

/**
 * An upstream inside the process: no network, no key, and for equal requests (`seed` included) equal answers, streamed
 * or not. Honours every documented parameter but `logit_bias` and the penalties, which are accepted.
 * `request.model` is one of `SANDBOX_UPSTREAM_MODELS`.
 */
export class SandboxAdapter implements UpstreamAdapter {
  readonly protocols = ['chat', 'completions'] as const;
  private readonly slowPauseMs: number;

  constructor({ slowPauseMs = 25 }: SandboxOptions = {}) {
    this.slowPauseMs = slowPauseMs;
  }

  async completeChat(call: UpstreamCall<ChatCompletionRequest>, signal: AbortSignal): Promise<ChatAnswer> {
    const behaviour = getBehaviour(call.request.model);
    await suffer(behaviour.fault, call.timeouts, signal);
    const turns = new Turns(signal);
    const plan = await planChat(call.request, behaviour, turns);
    if (behaviour.slow) await this.takeTime(countChatChunks(plan), call.timeouts, signal);
    return toChatAnswer(plan, turns);
  }

  streamChat(call: UpstreamCall<ChatCompletionRequest>, flow: FlowGate): Observable<ChatChunk> {
    const write = async (signal: AbortSignal) => {
      const behaviour = getBehaviour(call.request.model);
      const plan = await planChat(call.request, behaviour, new Turns(signal));
      return this.toScript(behaviour, toChatChunks(plan));
    };
    return play(write, call.timeouts, flow);
  }

  async completeText(call: UpstreamCall<CompletionRequest>, signal: AbortSignal): Promise<CompletionAnswer> {
    const behaviour = getBehaviour(call.request.model);
    await suffer(behaviour.fault, call.timeouts, signal);
    const turns = new Turns(signal);
    const plan = await planCompletion(call.request, behaviour, turns);
    if (behaviour.slow) await this.takeTime(countCompletionChunks(plan), call.timeouts, signal);
    return toCompletionAnswer(plan, turns);
  }

  streamText(call: UpstreamCall<CompletionRequest>, flow: FlowGate): Observable<CompletionChunk> {
    const write = async (signal: AbortSignal) => {
      const behaviour = getBehaviour(call.request.model);
      const plan = await planCompletion(call.request, behaviour, new Turns(signal));
      return this.toScript(behaviour, toCompletionChunks(plan));
    };
    return play(write, call.timeouts, flow);
  }

  private toScript<Chunk extends FinishingChunk>(
    { fault, slow }: Behaviour,
    chunks: Iterator<Chunk> & Iterable<Chunk>,
  ): Script<Chunk> {
    const pace = slow
      ? { chunksPerRead: 1, pauseMs: this.slowPauseMs }
      : { chunksPerRead: CHUNKS_PER_READ, pauseMs: 0 };
    if (fault === undefined) return { ...pace, chunks, ending: 'complete' };
    const ending = fault.how === 'silence' ? fault.how : fault.how();
    return { ...pace, chunks: beforeFinish(chunks, CHUNKS_BEFORE_FAULT[fault.at]), ending };
  }

  /** Waits as long as the same answer takes as a stream. */
  private async takeTime(chunks: number, timeouts: UpstreamTimeouts, signal: AbortSignal): Promise<void> {
    const neededMs = chunks * this.slowPauseMs;
    await pauseFor(Math.min(neededMs, timeouts.totalMs), signal);
    if (neededMs > timeouts.totalMs) throw deadlinePassed();
  }
}

const CHUNKS_PER_READ = 4;
const CHUNKS_BEFORE_FAULT: Readonly<Record<Fault['at'], number>> = { start: 0, midway: 8, finish: Infinity };

interface FinishingChunk {
  readonly choices: readonly { readonly finish_reason: string | null }[];
}

/** At most `most` chunks, and none from the first finish reason on. */
function* beforeFinish<Chunk extends FinishingChunk>(
  chunks: Iterable<Chunk>,
  most: number,
): Generator<Chunk> {
  let given = 0;
  for (const chunk of chunks) {
    if (given >= most || chunk.choices.some((choice) => choice.finish_reason !== null)) return;
    given += 1;
    yield chunk;
  }
}

/** Every fault spoils an answer that is not streamed, wherever in a stream it would come. */
async function suffer(
  fault: Fault | undefined,
  timeouts: UpstreamTimeouts,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted) throw cancelled(signal.reason);
  if (fault === undefined) return;
  if (fault.how !== 'silence') throw fault.how();
  await pauseFor(timeouts.totalMs, signal);
  throw deadlinePassed();
}

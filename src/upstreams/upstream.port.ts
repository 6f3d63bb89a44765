/**
 * The port between inference and whatever answers: the sandbox, an OpenAI wire, or a vendor's own protocol.
 *
 * An adapter speaks to ONE configured upstream. It receives a request whose `model` is the upstream's own id and whose
 * fields are exactly those to send, and answers in OpenAI's words. It throws `UpstreamError` and nothing else for what
 * the upstream did, and never turns a failure into an empty answer.
 */
import type { Observable } from 'rxjs';
import type { DiscoveredModel } from '../contracts/discovered-model.js';
import type {
  ChatChoice,
  ChatChunkChoice,
  ChatCompletionRequest,
} from '../contracts/openai/chat-completion.js';
import type {
  CompletionChoice,
  CompletionChunkChoice,
  CompletionRequest,
} from '../contracts/openai/completion.js';
import type { Protocol } from '../contracts/protocol.js';
import type { UpstreamTimeouts } from '../contracts/upstream-timeouts.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import type { NativeValue } from './neutral-form.js';

export interface UpstreamCall<Request> {
  readonly requestId: string;
  readonly request: Request;
  readonly timeouts: UpstreamTimeouts;
}

/** Usage exactly as the upstream reported it, not yet believed; the meter checks it. `undefined`: none reported. */
export type ReportedUsage = unknown;

export interface ChatAnswer {
  readonly choices: ChatChoice[];
  readonly usage: ReportedUsage;
  readonly system_fingerprint?: string | undefined;
  /** In which it was made; the price follows it. */
  readonly service_tier?: string | undefined;
}

/** One upstream event. `choices` may be empty; `usage` stands in the event that carried it. */
export interface ChatChunk {
  readonly choices: ChatChunkChoice[];
  readonly usage?: ReportedUsage;
  readonly system_fingerprint?: string | undefined;
  readonly service_tier?: string | undefined;
}

/** What a completion's text has beside what was generated. Not on the wire: metering must not charge for it. */
export interface EchoedText {
  /** Characters (UTF-16 units) at the start of `text` that repeat the prompt (`echo`); absent: none. */
  readonly echoedChars?: number;
}

export interface CompletionAnswer {
  readonly choices: (CompletionChoice & EchoedText)[];
  readonly usage: ReportedUsage;
  readonly system_fingerprint?: string | undefined;
}

export interface CompletionChunk {
  readonly choices: (CompletionChunkChoice & EchoedText)[];
  readonly usage?: ReportedUsage;
  readonly system_fingerprint?: string | undefined;
}

/** An upstream that takes bodies of a protocol as they are. Only what our promises need is changed before. */
export interface NativePass {
  /** @throws UpstreamError */
  complete(protocol: Protocol, call: UpstreamCall<NativeValue>, signal: AbortSignal): Promise<NativeValue>;
  /** As `UpstreamAdapter.streamChat`. */
  stream(protocol: Protocol, call: UpstreamCall<NativeValue>, flow: FlowGate): Observable<NativeValue>;
}

export interface UpstreamAdapter {
  /** The published APIs that the upstream speaks itself. What it does not speak, the adapter translates. */
  readonly protocols: readonly Protocol[];

  /** Absent: bodies reach it through the methods below alone. */
  readonly native?: NativePass;

  /** @throws UpstreamError; rejects with it as well when `signal` aborts (code is then of no interest). */
  completeChat(call: UpstreamCall<ChatCompletionRequest>, signal: AbortSignal): Promise<ChatAnswer>;

  /**
   * Cold: subscribing starts the attempt, unsubscribing aborts it within 1 s. Emits synchronously all events of one
   * read, then waits at `flow` before reading on. Errors with `UpstreamError`, also when the upstream ends without a
   * finish reason for a choice. Completes after the upstream's `[DONE]` (or its protocol's equal).
   */
  streamChat(call: UpstreamCall<ChatCompletionRequest>, flow: FlowGate): Observable<ChatChunk>;

  /** Legacy completions, for upstreams that have the endpoint; without these two, inference goes over chat. */
  completeText?(call: UpstreamCall<CompletionRequest>, signal: AbortSignal): Promise<CompletionAnswer>;
  streamText?(call: UpstreamCall<CompletionRequest>, flow: FlowGate): Observable<CompletionChunk>;

  /** @throws UpstreamError */
  listModels?(signal: AbortSignal): Promise<DiscoveredModel[]>;

  /**
   * Takes no more attempts (they fail as `upstream_unavailable`, safe to retry), lets those under way end, and closes
   * its sockets. Resolves when that is done, which an attempt may put off for as long as its deadlines let it.
   */
  close?(): Promise<void>;

  /** Closes its sockets now, also after `close()`; attempts under way fail. */
  destroy?(): Promise<void>;
}

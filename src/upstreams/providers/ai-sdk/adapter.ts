import { concat, defer, EMPTY, merge, Observable, of, type Subscriber } from 'rxjs';
import { Pool } from 'undici';
import type { Clock } from '../../../common/clock/clock.js';
import { toolCallId } from '../../../common/ids/ids.js';
import type { UpstreamConfig } from '../../../config/app-config.js';
import type { ChatChoice, ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import type {
  ChatAnswer,
  ChatChunk,
  DiscoveredModel,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstream.port.js';
import type { UpstreamError } from '../../upstream.errors.js';
import { AttemptDeadline } from './attempt-deadline.js';
import { failedResponse, toUpstreamError } from './errors.js';
import { type FinishReasonReader, finishReasonReader } from './finish-reason.js';
import type { CallOptions, LanguageModel, StreamPart } from './language-model.js';
import { toCallOptions } from './request.js';
import { toChatChoice } from './response.js';
import { ChoiceStream } from './stream.js';
import { upstreamFetch } from './upstream-fetch.js';
import { sumUsage, toUsage, type VendorUsage } from './usage.js';
import type { Vendor, VendorPackage } from './vendor.js';

type ChatCall = UpstreamCall<ChatCompletionRequest>;

export type AiSdkUpstreamConfig = Pick<UpstreamConfig, 'baseUrl' | 'apiKey' | 'maxConnections' | 'timeouts'>;

export interface AiSdkAdapterOptions {
  /** Told of a vendor's finish reason that nobody knows, for the log. */
  readonly onUnknownFinishReason?: (reason: string) => void;
}

/** How long a finished stream may take to end, so that its socket can serve again. */
const DRAIN_MS = 1000;

/**
 * Speaks a vendor's own protocol through that vendor's AI SDK package, calling its language model directly.
 *
 * The packages translate; what goes over the wire, how long, and what a failure is called stays ours. `n` choices are
 * `n` calls side by side, since neither vendor makes several of one: their usage is the sum.
 */
export class AiSdkAdapter implements UpstreamAdapter {
  private readonly baseUrl: string;
  private readonly apiKey: string;
  private readonly origin: string;
  private readonly pool: Pool;
  private readonly finishReason: FinishReasonReader;
  private loading: Promise<VendorPackage> | undefined;

  constructor(
    private readonly vendor: Vendor,
    private readonly config: AiSdkUpstreamConfig,
    private readonly clock: Clock,
    options: AiSdkAdapterOptions = {},
  ) {
    this.finishReason = finishReasonReader(vendor, options.onUnknownFinishReason ?? (() => undefined));
    // Both are always given: a package looks into the environment for what it was not told.
    this.baseUrl = (config.baseUrl ?? vendor.defaultBaseUrl).replace(/\/+$/, '');
    this.apiKey = config.apiKey ?? '';
    this.origin = new URL(this.baseUrl).origin;
    this.pool = new Pool(this.origin, {
      connections: config.maxConnections,
      connect: { timeout: config.timeouts.connectMs },
      keepAliveTimeout: 30_000,
      allowH2: false,
    });
  }

  async completeChat(call: ChatCall, signal: AbortSignal): Promise<ChatAnswer> {
    const stop = new AbortController();
    const either = AbortSignal.any([signal, stop.signal]);
    try {
      const answers = await Promise.all(
        choiceIndices(call).map((index) => this.completeChoice(call, index, either)),
      );
      return {
        choices: answers.map(({ choice }) => choice),
        usage: sumUsage(answers.map(({ usage }) => usage)),
      };
    } finally {
      // One choice has failed: the others would be paid for and thrown away.
      stop.abort();
    }
  }

  streamChat(call: ChatCall, flow: FlowGate): Observable<ChatChunk> {
    return defer(() => {
      const streams = choiceIndices(call).map((index) => new ChoiceStream(index, this.finishReason));
      const chunks = streams.map((choice) => this.streamChoice(call, choice, flow));
      return concat(
        merge(...chunks),
        defer(() => usageChunk(sumUsage(streams.map(({ usage }) => usage)))),
      );
    });
  }

  async listModels(signal: AbortSignal): Promise<DiscoveredModel[]> {
    const { path, headers, read } = this.vendor.models;
    return this.whole(this.config.timeouts, signal, async (deadline) => {
      const fetch = upstreamFetch(this.pool, this.origin, deadline);
      const response = await fetch(this.baseUrl + path, { headers: headers(this.apiKey) });
      if (!response.ok) throw await failedResponse(response);
      return read(await response.json());
    });
  }

  async close(): Promise<void> {
    await this.pool.destroy();
  }

  private async completeChoice(
    call: ChatCall,
    index: number,
    signal: AbortSignal,
  ): Promise<{ choice: ChatChoice; usage: VendorUsage | undefined }> {
    return this.whole(call.timeouts, signal, async (deadline) => {
      const { model, options } = await this.prepare(call, deadline);
      const result = await model.doGenerate(options);
      return { choice: toChatChoice(result, index, this.finishReason), usage: toUsage(result.usage) };
    });
  }

  /** Runs an attempt at a whole answer under its deadline and the caller's signal. @throws UpstreamError */
  private async whole<Result>(
    timeouts: UpstreamTimeouts,
    signal: AbortSignal,
    attempt: (deadline: AttemptDeadline) => Promise<Result>,
  ): Promise<Result> {
    const deadline = new AttemptDeadline(timeouts, 'whole');
    const abort = (): void => deadline.abort();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    try {
      return await attempt(deadline);
    } catch (error) {
      throw this.toUpstreamError(error);
    } finally {
      signal.removeEventListener('abort', abort);
      deadline.clear();
    }
  }

  private streamChoice(call: ChatCall, choice: ChoiceStream, flow: FlowGate): Observable<ChatChunk> {
    return new Observable((subscriber) => {
      const deadline = new AttemptDeadline(call.timeouts, 'stream');
      void this.pump(call, choice, flow, deadline, subscriber);
      return () => {
        if (!choice.finished) deadline.abort();
      };
    });
  }

  /** Reads one choice's stream into the subscriber, part by part as the gate lets it. Never rejects. */
  private async pump(
    call: ChatCall,
    choice: ChoiceStream,
    flow: FlowGate,
    deadline: AttemptDeadline,
    subscriber: Subscriber<ChatChunk>,
  ): Promise<void> {
    try {
      const { model, options } = await this.prepare(call, deadline);
      const { stream } = await model.doStream(options);
      const reader = stream.getReader();
      while (!choice.finished) {
        if (flow.closed) await flow.passage();
        const { done, value } = await reader.read();
        if (done) throw choice.unfinished();
        const chunk = choice.next(value);
        if (chunk !== undefined) subscriber.next(chunk);
      }
      deadline.endWithin(DRAIN_MS);
      subscriber.complete();
      await drain(reader);
    } catch (error) {
      subscriber.error(this.toUpstreamError(error));
      deadline.abort();
    } finally {
      deadline.clear();
    }
  }

  private async prepare(
    call: ChatCall,
    deadline: AttemptDeadline,
  ): Promise<{ model: LanguageModel; options: CallOptions }> {
    this.loading ??= this.vendor.load();
    const vendorPackage = await this.loading;
    const model = vendorPackage.model(call.request.model, {
      apiKey: this.apiKey,
      baseUrl: this.baseUrl,
      fetch: upstreamFetch(this.pool, this.origin, deadline),
      generateId: toolCallId,
    });
    const options = toCallOptions(call.request, this.vendor, vendorPackage, await model.supportedUrls);
    return { model, options: { ...options, abortSignal: deadline.signal } };
  }

  private toUpstreamError(error: unknown): UpstreamError {
    const secrets = [this.apiKey, new URL(this.baseUrl).hostname];
    return toUpstreamError(error, { vendor: this.vendor, secrets, nowMs: this.clock.nowMs() });
  }
}

function choiceIndices({ request }: ChatCall): number[] {
  return Array.from({ length: request.n ?? 1 }, (_, index) => index);
}

function usageChunk(usage: VendorUsage | undefined): Observable<ChatChunk> {
  return usage === undefined ? EMPTY : of({ choices: [], usage });
}

/** Reads to the end what a finished stream still sends, so that its socket can serve again. */
async function drain(reader: ReadableStreamDefaultReader<StreamPart>): Promise<void> {
  try {
    while (!(await reader.read()).done);
  } catch {
    // The answer is complete and delivered; only the socket is lost.
  }
}

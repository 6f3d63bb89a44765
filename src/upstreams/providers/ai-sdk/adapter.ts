import { concat, defer, EMPTY, merge, Observable, of, type Subscriber } from 'rxjs';
import type { Clock } from '../../../common/clock/clock.js';
import { toolCallId } from '../../../common/ids/ids.js';
import type { UpstreamConfig } from '../../../config/app-config.js';
import type { ChatChoice, ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import { HttpClient } from '../../http/http-client.js';
import type { Protocol } from '../../../contracts/protocol.js';
import type { DiscoveredModel } from '../../../contracts/discovered-model.js';
import type { ChatAnswer, ChatChunk, UpstreamAdapter, UpstreamCall } from '../../upstream.port.js';
import { afterChunks } from '../../upstream-failures.js';
import type { UpstreamError } from '../../upstream.errors.js';
import { Attempt } from './attempt.js';
import { failedResponse, jsonOf, toUpstreamError } from './errors.js';
import { type FinishReasonReader, finishReasonReader } from './finish-reason.js';
import type { CallOptions, LanguageModel } from './language-model.js';
import { toCallOptions } from './request.js';
import { toChatChoice } from './response.js';
import { ChoiceStream } from './stream.js';
import { sumUsage, toUsage, type VendorUsage } from './usage.js';
import type { Vendor, VendorPackage } from './vendor.js';

type ChatCall = UpstreamCall<ChatCompletionRequest>;

export type AiSdkUpstreamConfig = Pick<UpstreamConfig, 'baseUrl' | 'apiKey' | 'maxConnections' | 'timeouts'>;

export interface AiSdkAdapterOptions {
  /** Told of a vendor's finish reason that nobody knows, for the log. */
  readonly onUnknownFinishReason?: (reason: string) => void;
}

/**
 * Speaks a vendor's own protocol through that vendor's AI SDK package, calling its language model directly.
 *
 * The packages translate; what goes over the wire, how long, and what a failure is called stays ours. `n` choices are
 * `n` calls side by side, since neither vendor makes several of one: their usage is the sum.
 */
export class AiSdkAdapter implements UpstreamAdapter {
  readonly protocols: readonly Protocol[];
  private readonly baseUrl: string;
  private readonly apiKey: string;
  private readonly origin: string;
  private readonly http: HttpClient;
  private readonly finishReason: FinishReasonReader;
  private loading: Promise<VendorPackage> | undefined;

  constructor(
    private readonly vendor: Vendor,
    private readonly config: AiSdkUpstreamConfig,
    private readonly clock: Clock,
    options: AiSdkAdapterOptions = {},
  ) {
    this.protocols = vendor.protocols;
    this.finishReason = finishReasonReader(vendor, options.onUnknownFinishReason ?? (() => undefined));
    // Both are always given: a package looks into the environment for what it was not told.
    this.baseUrl = (config.baseUrl ?? vendor.defaultBaseUrl).replace(/\/+$/, '');
    this.apiKey = config.apiKey ?? '';
    this.origin = new URL(this.baseUrl).origin;
    this.http = new HttpClient({
      origin: this.origin,
      maxConnections: config.maxConnections,
      connectMs: config.timeouts.connectMs,
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
    return this.whole(this.config.timeouts, signal, async (attempt) => {
      const response = await attempt.fetch(this.baseUrl + path, { headers: headers(this.apiKey) });
      if (!response.ok) throw await failedResponse(response);
      return read(await jsonOf(response));
    });
  }

  close(): Promise<void> {
    return this.http.close();
  }

  destroy(): Promise<void> {
    return this.http.destroy();
  }

  private async completeChoice(
    call: ChatCall,
    index: number,
    signal: AbortSignal,
  ): Promise<{ choice: ChatChoice; usage: VendorUsage | undefined }> {
    return this.whole(call.timeouts, signal, async (attempt) => {
      const { model, options } = await this.prepare(call, attempt);
      const result = await model.doGenerate(options);
      return { choice: toChatChoice(result, index, this.finishReason), usage: toUsage(result.usage) };
    });
  }

  /** Runs an attempt at a whole answer under the caller's signal. @throws UpstreamError */
  private async whole<Result>(
    timeouts: UpstreamTimeouts,
    signal: AbortSignal,
    run: (attempt: Attempt) => Promise<Result>,
  ): Promise<Result> {
    const attempt = new Attempt(this.http, this.origin, 'whole', timeouts);
    const abort = (): void => attempt.abort();
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    try {
      return await run(attempt);
    } catch (error) {
      throw this.toUpstreamError(error);
    } finally {
      signal.removeEventListener('abort', abort);
      attempt.abort();
    }
  }

  private streamChoice(call: ChatCall, choice: ChoiceStream, flow: FlowGate): Observable<ChatChunk> {
    return new Observable((subscriber) => {
      const attempt = new Attempt(this.http, this.origin, 'stream', call.timeouts);
      void this.pump(call, choice, flow, attempt, subscriber);
      return () => {
        if (!choice.finished) attempt.abort();
      };
    });
  }

  /** Reads one choice's stream into the subscriber, part by part as the gate lets it. Never rejects. */
  private async pump(
    call: ChatCall,
    choice: ChoiceStream,
    flow: FlowGate,
    attempt: Attempt,
    subscriber: Subscriber<ChatChunk>,
  ): Promise<void> {
    let begun = false;
    let chunksSent = false;
    try {
      const { model, options } = await this.prepare(call, attempt);
      const { stream } = await model.doStream(options);
      const reader = stream.getReader();
      while (!choice.finished) {
        if (flow.closed) await flow.passage();
        const { done, value } = await reader.read();
        if (done) throw choice.unfinished(attempt.endsByClose);
        // The package's own part comes before anything of the vendor's.
        if (!begun && value.type !== 'stream-start') {
          begun = true;
          attempt.begins();
        }
        const chunk = choice.next(value);
        if (chunk === undefined) continue;
        chunksSent = true;
        subscriber.next(chunk);
      }
      attempt.finish();
      subscriber.complete();
      // Nothing more is wanted of the package's pipeline, nor of what may go wrong in it.
      reader.cancel().catch(() => undefined);
    } catch (error) {
      const failure = this.toUpstreamError(error);
      subscriber.error(chunksSent ? afterChunks(failure) : failure);
      attempt.abort();
    }
  }

  private async prepare(
    call: ChatCall,
    attempt: Attempt,
  ): Promise<{ model: LanguageModel; options: CallOptions }> {
    const vendorPackage = await this.vendorPackage();
    const model = vendorPackage.model(call.request.model, {
      apiKey: this.apiKey,
      baseUrl: this.baseUrl,
      fetch: attempt.fetch,
      generateId: toolCallId,
    });
    const options = toCallOptions(call.request, this.vendor, vendorPackage, await model.supportedUrls);
    return { model, options };
  }

  private vendorPackage(): Promise<VendorPackage> {
    this.loading ??= this.vendor.load().catch((error: unknown) => {
      // Out of file descriptors, say: the next attempt may be luckier.
      this.loading = undefined;
      throw error;
    });
    return this.loading;
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

import { Observable } from 'rxjs';
import type { UpstreamConfig } from '../../../config/app-config.js';
import type { ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { CompletionRequest } from '../../../contracts/openai/completion.js';
import type { FlowGate } from '../../../streaming/flow-gate.js';
import { HttpClient } from '../../http/http-client.js';
import type { ExchangeListener, HttpRequest } from '../../http/http-exchange.js';
import { attemptAborted } from '../../upstream-failures.js';
import type { DiscoveredModel } from '../../../contracts/discovered-model.js';
import type {
  ChatAnswer,
  ChatChunk,
  CompletionAnswer,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../../upstream.port.js';
import { AnswerCall } from './answer-call.js';
import { CHAT_ENDPOINT } from './chat-endpoint.js';
import { COMPLETION_ENDPOINT } from './completion-endpoint.js';
import type { AnyChunk, Endpoint } from './endpoint.js';
import { ErrorBody } from './error-body.js';
import type { ErrorContext } from './errors.js';
import { type FinishReasonReader, finishReasonReader } from './finish-reason.js';
import { JsonBody } from './json-body.js';
import { toDiscoveredModels } from './models-response.js';
import { type BaseUrl, fixedHeaders, inferenceRequest, modelsRequest, parseBaseUrl } from './request.js';
import { StreamCall } from './stream-call.js';

export interface OpenAiAdapterOptions {
  /** Told of a `finish_reason` that our table lacks, for the log. The text is the upstream's. */
  readonly onUnknownFinishReason?: (reason: string) => void;
  /** Wall clock in milliseconds, for `retry-after` dates. */
  readonly nowMs?: () => number;
}

type InferenceCall = UpstreamCall<ChatCompletionRequest | CompletionRequest>;

/**
 * An upstream that speaks OpenAI's wire: OpenAI itself, and all that imitate it. Keeps a pool of connections until
 * `close()` or `destroy()`.
 *
 * Deadlines: a whole answer has `totalMs`; a stream has the shorter of `firstTokenMs` and `totalMs` until its first
 * chunk, and after that may last as long as it is never silent for `betweenChunksMs`. `connectMs` comes from the
 * configuration, not from the call, because connections are shared.
 */
export class OpenAiAdapter implements UpstreamAdapter {
  readonly protocols = ['chat', 'completions'] as const;
  private readonly baseUrl: BaseUrl;
  private readonly headers: readonly string[];
  private readonly http: HttpClient;
  private readonly finishReason: FinishReasonReader;
  private readonly errorContext: () => ErrorContext;

  /** @throws Error where `baseUrl` is missing or no HTTP URL: the configuration should have refused it */
  constructor(
    private readonly config: UpstreamConfig,
    options: OpenAiAdapterOptions = {},
  ) {
    if (config.baseUrl === undefined) throw new TypeError(`Upstream ${config.name} has no base_url.`);
    this.baseUrl = parseBaseUrl(config.baseUrl);
    this.headers = fixedHeaders(config.apiKey);
    this.finishReason = finishReasonReader(options.onUnknownFinishReason ?? (() => undefined));
    const secrets = [config.apiKey ?? '', new URL(config.baseUrl).hostname];
    const nowMs = options.nowMs ?? Date.now;
    this.errorContext = () => ({ secrets, nowMs: nowMs() });
    this.http = new HttpClient({
      origin: this.baseUrl.origin,
      maxConnections: config.maxConnections,
      connectMs: config.timeouts.connectMs,
    });
  }

  completeChat(call: UpstreamCall<ChatCompletionRequest>, signal: AbortSignal): Promise<ChatAnswer> {
    return this.complete(CHAT_ENDPOINT, call, signal);
  }

  streamChat(call: UpstreamCall<ChatCompletionRequest>, flow: FlowGate): Observable<ChatChunk> {
    return this.stream(CHAT_ENDPOINT, call, flow);
  }

  completeText(call: UpstreamCall<CompletionRequest>, signal: AbortSignal): Promise<CompletionAnswer> {
    return this.complete(COMPLETION_ENDPOINT, call, signal);
  }

  streamText(call: UpstreamCall<CompletionRequest>, flow: FlowGate): Observable<CompletionChunk> {
    return this.stream(COMPLETION_ENDPOINT, call, flow);
  }

  listModels(signal: AbortSignal): Promise<DiscoveredModel[]> {
    return this.exchange(
      modelsRequest(this.baseUrl, this.headers),
      this.config.timeouts.totalMs,
      signal,
      (resolve, onFailure) => ({
        onHead: (head, exchange) =>
          head.status < 300
            ? new JsonBody(exchange, (body) => resolve(toDiscoveredModels(body)), this.errorContext)
            : new ErrorBody(head, this.errorContext),
        onFailure,
      }),
    );
  }

  close(): Promise<void> {
    return this.http.close();
  }

  destroy(): Promise<void> {
    return this.http.destroy();
  }

  private complete<Answer, Chunk extends AnyChunk>(
    endpoint: Endpoint<Answer, Chunk>,
    call: InferenceCall,
    signal: AbortSignal,
  ): Promise<Answer> {
    return this.exchange(
      inferenceRequest(this.baseUrl, endpoint.path, this.headers, call, false),
      call.timeouts.totalMs,
      signal,
      (resolve, reject) => new AnswerCall(endpoint, this.finishReason, this.errorContext, resolve, reject),
    );
  }

  private stream<Answer, Chunk extends AnyChunk>(
    endpoint: Endpoint<Answer, Chunk>,
    call: InferenceCall,
    flow: FlowGate,
  ): Observable<Chunk> {
    return new Observable((subscriber) => {
      const { timeouts } = call;
      const exchange = this.http.start(
        inferenceRequest(this.baseUrl, endpoint.path, this.headers, call, true),
        new StreamCall(endpoint, this.finishReason, this.errorContext, timeouts, flow, subscriber),
      );
      exchange.deadline(Math.min(timeouts.firstTokenMs, timeouts.totalMs), 'first token');
      return () => exchange.abort();
    });
  }

  private exchange<Result>(
    request: HttpRequest,
    totalMs: number,
    signal: AbortSignal,
    listen: (resolve: (result: Result) => void, reject: (error: Error) => void) => ExchangeListener,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (signal.aborted) {
        reject(attemptAborted());
        return;
      }
      const onAbort = (): void => exchange.fail(attemptAborted());
      signal.addEventListener('abort', onAbort, { once: true });
      const settled =
        <Value>(settle: (value: Value) => void) =>
        (value: Value): void => {
          signal.removeEventListener('abort', onAbort);
          settle(value);
        };
      const exchange = this.http.start(request, listen(settled(resolve), settled(reject)));
      exchange.deadline(totalMs, 'total');
    });
  }
}

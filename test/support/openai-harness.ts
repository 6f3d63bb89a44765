import { expect } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import type { Observable } from 'rxjs';
import type { UpstreamConfig } from '../../src/config/app-config.js';
import type { ChatCompletionRequest } from '../../src/contracts/openai/chat-completion.js';
import type { UpstreamTimeouts } from '../../src/contracts/upstream-timeouts.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { OpenAiAdapter } from '../../src/upstreams/providers/openai/openai.adapter.js';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import type { ChatAnswer, ChatChunk, UpstreamCall } from '../../src/upstreams/upstream.port.js';
import { FakeUpstream } from './fake-upstream.js';
import type { Reply } from './fake-upstream-replies.js';

export const KEY = 'provider-secret-0123456789';

export const LEISURELY: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 60_000,
  betweenChunksMs: 60_000,
  totalMs: 180_000,
};

export const HI: ChatCompletionRequest = { model: 'fake-model', messages: [{ role: 'user', content: 'hi' }] };

/** A fake vendor for each test, and adapters to it. */
export class OpenAiHarness {
  upstream!: FakeUpstream;
  private readonly adapters: OpenAiAdapter[] = [];

  async start(): Promise<void> {
    this.upstream = await FakeUpstream.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.adapters.splice(0).map((adapter) => adapter.destroy()));
    await this.upstream.close();
  }

  adapterTo(baseUrl = this.upstream.baseUrl, overrides: Partial<UpstreamConfig> = {}): OpenAiAdapter {
    const adapter = new OpenAiAdapter({
      name: 'fake',
      protocol: 'openai',
      baseUrl,
      apiKey: KEY,
      maxConnections: 50,
      timeouts: LEISURELY,
      discover: false,
      discoveredPricing: undefined,
      ...overrides,
    });
    this.adapters.push(adapter);
    return adapter;
  }

  /** A whole answer to `HI`. */
  async complete(
    adapter = this.adapterTo(),
    timeouts: Partial<UpstreamTimeouts> = {},
    signal = new AbortController().signal,
  ): Promise<ChatAnswer> {
    return adapter.completeChat(callOf(HI, timeouts), signal);
  }

  /** A streamed answer to `HI`. */
  stream(
    adapter = this.adapterTo(),
    timeouts: Partial<UpstreamTimeouts> = {},
    flow = new FlowGate(),
  ): Recorder {
    return new Recorder(adapter.streamChat(callOf(HI, timeouts), flow));
  }

  /** Leaves one idle connection; undici offers it again a turn of the event loop after the answer. */
  async warm(adapter: OpenAiAdapter): Promise<void> {
    await this.complete(adapter);
    await turn();
  }
}

export function callOf<Request>(
  request: Request,
  timeouts: Partial<UpstreamTimeouts> = {},
): UpstreamCall<Request> {
  return { requestId: 'req_1', request, timeouts: { ...LEISURELY, ...timeouts } };
}

/** A subscriber that remembers, and that a test can wait with. */
export class Recorder<Chunk = ChatChunk> {
  readonly chunks: Chunk[] = [];
  readonly ended: Promise<UpstreamError | undefined>;
  readonly unsubscribe: () => void;
  private readonly waiters: { count: number; resolve: () => void }[] = [];

  constructor(source: Observable<Chunk>) {
    const end = Promise.withResolvers<UpstreamError | undefined>();
    this.ended = end.promise;
    const subscription = source.subscribe({
      next: (chunk) => {
        this.chunks.push(chunk);
        for (const { count, resolve } of this.waiters) if (this.chunks.length >= count) resolve();
      },
      error: (error: UpstreamError) => end.resolve(error),
      complete: () => end.resolve(undefined),
    });
    this.unsubscribe = () => subscription.unsubscribe();
  }

  async atLeast(count: number): Promise<void> {
    if (this.chunks.length >= count) return;
    await new Promise<void>((resolve) => this.waiters.push({ count, resolve }));
  }
}

export function textOf(chunks: ChatChunk[]): string {
  return chunks.flatMap(({ choices }) => choices.map(({ delta }) => delta.content ?? '')).join('');
}

export async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UpstreamError);
  return error as UpstreamError;
}

/** The same fault, met by a whole answer and by a stream. */
export async function bothFailures(
  harness: OpenAiHarness,
  reply: Reply,
  timeouts: Partial<UpstreamTimeouts> = {},
): Promise<UpstreamError[]> {
  harness.upstream.otherwise(reply);
  const recorder = harness.stream(undefined, timeouts);
  const errors = [await failureOf(harness.complete(undefined, timeouts)), await recorder.ended];
  expect(recorder.chunks).toEqual([]);
  return errors.map((error) => {
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error?.message).not.toContain('127.0.0.1');
    expect(error?.message).not.toContain(KEY);
    return error as UpstreamError;
  });
}

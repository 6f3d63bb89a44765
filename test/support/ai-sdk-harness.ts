import { lastValueFrom, toArray } from 'rxjs';
import { SystemClock } from '../../src/common/clock/clock.js';
import type { ChatCompletionRequest } from '../../src/contracts/openai/chat-completion.js';
import type { UpstreamTimeouts } from '../../src/contracts/upstream-timeouts.js';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { AiSdkAdapter } from '../../src/upstreams/providers/ai-sdk/adapter.js';
import { VENDORS, type VendorName } from '../../src/upstreams/providers/ai-sdk/vendors.js';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import type { ChatChunk, UpstreamCall } from '../../src/upstreams/upstream.port.js';
import { ANTHROPIC_KEY, FakeAnthropic } from './fake-anthropic.js';
import { FakeGemini, GEMINI_KEY } from './fake-gemini.js';

export type ChatCall = UpstreamCall<ChatCompletionRequest>;

const PATIENT: UpstreamTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 10_000,
  betweenChunksMs: 10_000,
  totalMs: 15_000,
};

/** Both vendors' fakes and an adapter to each. */
export class AiSdkHarness {
  readonly anthropic = new FakeAnthropic();
  readonly gemini = new FakeGemini();
  claude!: AiSdkAdapter;
  google!: AiSdkAdapter;

  async start(): Promise<void> {
    await Promise.all([this.anthropic.start(), this.gemini.start()]);
    this.claude = adapterTo('anthropic', this.anthropic.baseUrl, ANTHROPIC_KEY);
    this.google = adapterTo('google', this.gemini.baseUrl, GEMINI_KEY);
  }

  reset(): void {
    this.anthropic.reset();
    this.gemini.reset();
  }

  async stop(): Promise<void> {
    await Promise.all([this.claude.destroy(), this.google.destroy()]);
    await Promise.all([this.anthropic.stop(), this.gemini.stop()]);
  }
}

export function adapterTo(
  vendor: VendorName,
  baseUrl: string,
  apiKey: string,
  maxConnections = 16,
): AiSdkAdapter {
  const config = { baseUrl, apiKey, maxConnections, timeouts: PATIENT };
  return new AiSdkAdapter(VENDORS[vendor], config, new SystemClock());
}

export function claudeCall(
  request: Partial<ChatCompletionRequest> = {},
  timeouts: Partial<UpstreamTimeouts> = {},
): ChatCall {
  return {
    requestId: 'req_1',
    timeouts: { ...PATIENT, ...timeouts },
    request: { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: 'hi' }], ...request },
  };
}

export function geminiCall(
  request: Partial<ChatCompletionRequest> = {},
  timeouts: Partial<UpstreamTimeouts> = {},
): ChatCall {
  return claudeCall({ model: 'gemini-2.5-flash', ...request }, timeouts);
}

/** For calls that nobody aborts. */
export const never = new AbortController().signal;

export function stream(upstream: AiSdkAdapter, call: ChatCall): Promise<ChatChunk[]> {
  return lastValueFrom(upstream.streamChat(call, new FlowGate()).pipe(toArray()));
}

/** The chunks up to the failure, and the failure. */
export function brokenStream(
  upstream: AiSdkAdapter,
  call: ChatCall,
): Promise<{ chunks: ChatChunk[]; error: UpstreamError }> {
  const chunks: ChatChunk[] = [];
  return new Promise((resolve, reject) => {
    upstream.streamChat(call, new FlowGate()).subscribe({
      next: (chunk) => chunks.push(chunk),
      error: (error: unknown) =>
        error instanceof UpstreamError
          ? resolve({ chunks, error })
          : reject(new Error('not ours', { cause: error })),
      complete: () => reject(new Error('the stream completed')),
    });
  });
}

export async function failure(answer: Promise<unknown>): Promise<UpstreamError> {
  const error = await answer.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof UpstreamError)) throw error;
  return error;
}

export function deltas(chunks: ChatChunk[], index = 0): ChatChunk['choices'][number]['delta'][] {
  return chunks
    .flatMap(({ choices }) => choices.filter((choice) => choice.index === index))
    .map(({ delta }) => delta);
}

export function textOf(chunks: ChatChunk[], index = 0): string {
  return deltas(chunks, index)
    .map(({ content }) => content ?? '')
    .join('');
}

export function finishReasons(chunks: ChatChunk[]): (string | null)[] {
  return chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).filter(Boolean);
}

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { UpstreamError } from '../../src/upstreams/upstream.errors.js';
import { adapterTo, AiSdkHarness, claudeCall, failure, never, stream } from '../support/ai-sdk-harness.js';
import {
  ANTHROPIC_KEY,
  anthropicEvent,
  anthropicEvents,
  FakeAnthropic,
  type FakeMessage,
} from '../support/fake-anthropic.js';
import { openStream, silence } from '../support/fake-vendor.js';

const harness = new AiSdkHarness();
const { anthropic } = harness;

beforeAll(() => harness.start());
afterEach(() => harness.reset());
afterAll(() => harness.stop());

const USAGE = { input_tokens: 1, output_tokens: 1 };

function message(text: string): FakeMessage {
  return { content: [{ type: 'text', text }], stop_reason: 'end_turn', usage: USAGE };
}

/** The events of a message up to the point where it should end. */
const BEGUN = anthropicEvents(message('Hello there.'), false).join('');

describe('AiSdkAdapter when the caller leaves or is slow', () => {
  it('K1: aborting a whole answer closes the upstream socket', async () => {
    anthropic.next(silence);
    const arrival = anthropic.arrival();
    const caller = new AbortController();
    const answer = failure(harness.claude.completeChat(claudeCall(), caller.signal));
    const { closed } = await arrival;
    caller.abort();
    await within(1000, closed);
    expect(await answer).toBeInstanceOf(UpstreamError);
  });

  it('K1: an already aborted call asks nothing of the upstream', async () => {
    expect(await failure(harness.claude.completeChat(claudeCall(), AbortSignal.abort()))).toBeInstanceOf(
      UpstreamError,
    );
    expect(anthropic.seen).toHaveLength(0);
  });

  it('case 51: unsubscribing closes the upstream socket, before and after the first chunk', async () => {
    anthropic.next(silence);
    const arrival = anthropic.arrival();
    const silent = harness.claude.streamChat(claudeCall(), new FlowGate()).subscribe();
    const { closed } = await arrival;
    silent.unsubscribe();
    await expect(within(1000, closed)).resolves.toBeUndefined();

    anthropic.next((_, response) => {
      openStream(response);
      response.write(BEGUN);
    });
    await new Promise<void>((resolve) => {
      const subscription = harness.claude.streamChat(claudeCall(), new FlowGate()).subscribe(() => {
        subscription.unsubscribe();
        resolve();
      });
    });
    await expect(within(1000, anthropic.last.closed)).resolves.toBeUndefined();
  });

  it('K4: a closed gate stops the reading, so that the upstream is slowed down', async () => {
    const event = anthropicEvent({
      type: 'content_block_delta',
      index: 0,
      delta: { type: 'text_delta', text: 'x'.repeat(16_384) },
    });
    const total = 2000;
    let written = 0;
    const stall = Promise.withResolvers<void>();
    anthropic.next(async (_, response) => {
      openStream(response);
      const events = anthropicEvents(message('x'));
      // Start of message, ping, start of block; end of block, end of message, stop.
      response.write(events.slice(0, 3).join(''));
      for (; written < total; written += 1) {
        if (response.write(event)) continue;
        const timer = setTimeout(stall.resolve, 300);
        await new Promise((resolve) => response.once('drain', resolve));
        clearTimeout(timer);
      }
      response.end(events.slice(-3).join(''));
    });
    const flow = new FlowGate();
    let received = 0;
    const finished = new Promise<void>((resolve, reject) => {
      harness.claude.streamChat(claudeCall(), flow).subscribe({
        next: () => {
          received += 1;
          if (received === 1) flow.close();
        },
        error: reject,
        complete: resolve,
      });
    });
    await stall.promise;
    expect(received).toBe(1);
    expect(written).toBeLessThan(total);
    flow.open();
    await finished;
    expect(received).toBeGreaterThan(total);
  });

  it('a finished stream gives its socket back: with one socket allowed, none is opened anew', async () => {
    const fresh = await new FakeAnthropic().start();
    const upstream = adapterTo('anthropic', fresh.baseUrl, ANTHROPIC_KEY, 1);
    await stream(upstream, claudeCall());
    await stream(upstream, claudeCall());
    await upstream.completeChat(claudeCall(), never);
    expect(new Set(fresh.seen.map(({ clientPort }) => clientPort)).size).toBe(1);
    await upstream.close();
    await fresh.stop();
  });
});

function within(ms: number, promise: Promise<void>): Promise<void> {
  return Promise.race([
    promise,
    new Promise<void>((_, reject) => {
      setTimeout(() => reject(new Error(`not within ${ms} ms`)), ms).unref();
    }),
  ]);
}

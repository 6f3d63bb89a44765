import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import type { ChatChunk } from '../../src/upstreams/upstream.port.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { delayed, endless, json, resetBeforeHead, sse, stall } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { bothFailures, callOf, failureOf, HI, LEISURELY, OpenAiHarness } from '../support/openai-harness.js';

const harness = new OpenAiHarness();

beforeEach(() => harness.start());
afterEach(() => harness.stop());

describe('OpenAiAdapter: connections', () => {
  it('U1: a refused connection is upstream_unavailable, and safe to retry', async () => {
    const adapter = harness.adapterTo(await FakeUpstream.refused());
    const errors = [await failureOf(harness.complete(adapter)), await harness.stream(adapter).ended];
    for (const error of errors)
      expect(error).toMatchObject({ code: 'upstream_unavailable', safeToRetry: true });
  });

  it('U2: an unknown host fails within the connect deadline, and is safe to retry', async () => {
    const adapter = harness.adapterTo('http://tollgate.invalid/v1', {
      timeouts: { ...LEISURELY, connectMs: 2_000 },
    });
    const error = await failureOf(harness.complete(adapter));
    // A resolver that is slow to say no turns the one into the other.
    expect(['upstream_unavailable', 'upstream_timeout']).toContain(error.code);
    expect(error.safeToRetry).toBe(true);
  });

  it('U3: an upstream that never answers is upstream_timeout, and is let go', async () => {
    const errors = await bothFailures(harness, stall(), { totalMs: 1_000, firstTokenMs: 1_000 });
    for (const error of errors) expect(error).toMatchObject({ code: 'upstream_timeout', safeToRetry: false });
    for (const request of harness.upstream.requests) expect(await request.closed).toBe('aborted');
  });

  it('U3: waiting for a free connection counts, and is safe to retry', async () => {
    const adapter = harness.adapterTo(undefined, { maxConnections: 1 });
    harness.upstream.otherwise(stall());
    const first = harness.stream(adapter);
    await harness.upstream.nextRequest();
    const error = await failureOf(harness.complete(adapter, { totalMs: 50 }));
    expect(error).toMatchObject({ code: 'upstream_timeout', safeToRetry: true });
    first.unsubscribe();
    harness.upstream.clear();
    await harness.complete(adapter);
    expect(harness.upstream.requests).toHaveLength(1);
  });

  it('U4: the retry gets a fresh connection also when the pool has other idle ones', async () => {
    const adapter = harness.adapterTo();
    harness.upstream.otherwise(delayed(20, json(chatAnswer())));
    await Promise.all([harness.complete(adapter), harness.complete(adapter), harness.complete(adapter)]);
    await turn();
    harness.upstream.clear();
    harness.upstream.enqueue(resetBeforeHead());
    const recorder = harness.stream(adapter);
    await expect(recorder.ended).resolves.toBeUndefined();
    expect(harness.upstream.requests.map(({ reused }) => reused)).toEqual([true, false]);
  });

  it('U4: a second reset is not retried', async () => {
    const adapter = harness.adapterTo();
    await harness.warm(adapter);
    harness.upstream.clear();
    harness.upstream.otherwise(resetBeforeHead());
    const error = await failureOf(harness.complete(adapter));
    expect(error).toMatchObject({ code: 'upstream_error', safeToRetry: false });
    expect(harness.upstream.requests).toHaveLength(2);
  });

  it('U4: a reset after the first byte of an answer is not retried', async () => {
    const adapter = harness.adapterTo();
    await harness.warm(adapter);
    harness.upstream.clear();
    harness.upstream.otherwise((response) => {
      response.raw('HTTP/1.1 200');
      return response.finish('hang-up');
    });
    await failureOf(harness.complete(adapter));
    expect(harness.upstream.requests).toHaveLength(1);
  });
});

describe('OpenAiAdapter: leaving', () => {
  it('K1: an abort before the head closes the connection', async () => {
    harness.upstream.otherwise(stall());
    const leaving = new AbortController();
    const answer = failureOf(harness.complete(undefined, {}, leaving.signal));
    const request = await harness.upstream.nextRequest();
    const leftAtMs = performance.now();
    leaving.abort();
    await answer;
    expect(await request.closed).toBe('aborted');
    expect((request.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(1_000);
  });

  it('K2: unsubscribing midway closes the connection, and nothing is emitted afterwards', async () => {
    harness.upstream.enqueue(endless(chatChunks('x')[1]));
    const recorder = harness.stream();
    await recorder.atLeast(10);
    const leftAtMs = performance.now();
    recorder.unsubscribe();
    const seen = recorder.chunks.length;
    const request = await harness.upstream.nextRequest();
    expect(await request.closed).toBe('aborted');
    expect((request.abortedAtMs ?? Infinity) - leftAtMs).toBeLessThan(1_000);
    expect(recorder.chunks).toHaveLength(seen);
  });

  it('K2: unsubscribing inside of a read stops within that read', async () => {
    harness.upstream.enqueue(sse(chatChunks('a b c d e'), { writeBytes: 2 ** 20 }));
    const seen: ChatChunk[] = [];
    await new Promise<void>((resolve) => {
      const subscription = harness
        .adapterTo()
        .streamChat(callOf(HI), new FlowGate())
        .subscribe((chunk) => {
          seen.push(chunk);
          if (seen.length === 2) {
            subscription.unsubscribe();
            resolve();
          }
        });
    });
    await (
      await harness.upstream.nextRequest()
    ).closed;
    expect(seen).toHaveLength(2);
  });

  it('K1: an abort before the call sends nothing', async () => {
    await failureOf(harness.complete(undefined, {}, AbortSignal.abort()));
    expect(harness.upstream.connections).toBe(0);
  });

  it('K1: leaving while waiting for a connection sends nothing', async () => {
    const adapter = harness.adapterTo(undefined, { maxConnections: 1 });
    harness.upstream.otherwise(stall());
    const first = harness.stream(adapter);
    await harness.upstream.nextRequest();
    const waiting = harness.stream(adapter);
    waiting.unsubscribe();
    first.unsubscribe();
    harness.upstream.clear();
    await harness.complete(adapter);
    expect(harness.upstream.requests).toHaveLength(1);
  });

  it('K6: leaving at any moment leaks no connection and no rejection', async () => {
    const rejections: unknown[] = [];
    const onRejection = (reason: unknown): number => rejections.push(reason);
    process.on('unhandledRejection', onRejection);
    const adapter = harness.adapterTo();
    harness.upstream.otherwise(sse(chatChunks('a b c d e f g h'), { delayMs: 1 }));
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const leaving = new AbortController();
        const answer =
          i % 2 ? harness.complete(adapter, {}, leaving.signal).catch(() => undefined) : undefined;
        const recorder = i % 2 ? undefined : harness.stream(adapter);
        await new Promise((resolve) => setTimeout(resolve, i / 3));
        leaving.abort();
        recorder?.unsubscribe();
        await answer;
      }),
    );
    await Promise.all(harness.upstream.requests.map((request) => request.closed));
    await adapter.close();
    while (harness.upstream.openConnections > 0) await turn();
    process.off('unhandledRejection', onRejection);
    expect(rejections).toEqual([]);
  });

  it('K4: a closed gate holds the upstream back, and an open one lets it go on', async () => {
    harness.upstream.enqueue(endless(chatChunks(['x'.repeat(16_384)])[1]));
    const flow = new FlowGate();
    const recorder = harness.stream(undefined, {}, flow);
    await recorder.atLeast(1);
    flow.close();
    const { response } = await harness.upstream.nextRequest();
    const held = await settled(() => response.bytesSent);
    const seen = recorder.chunks.length;
    expect(await settled(() => recorder.chunks.length)).toBe(seen);
    expect(response.bytesSent).toBe(held);
    flow.open();
    await recorder.atLeast(seen + 2_000);
    recorder.unsubscribe();
  });
});

/** The value of a counter once it has stopped for a while. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  for (let same = 0; same < 10;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = read();
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return last;
}

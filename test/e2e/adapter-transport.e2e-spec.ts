import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { lastValueFrom, toArray } from 'rxjs';
import {
  LARGE_ANSWERS_AT_ONCE,
  MAX_ANSWER_BYTES,
  SMALL_ANSWER_BYTES,
} from '../../src/upstreams/http/limits.js';
import { TEXT, WireHarness, WIRES } from '../support/adapter-wires.js';
import {
  controlled,
  delayed,
  raw,
  type Reply,
  resetBeforeHead,
  stall,
} from '../support/fake-upstream-replies.js';

/** Becomes large and never ends. */
const stuck: Reply = async (response) => {
  response.head(200, { 'content-type': 'application/json' });
  await response.write(' '.repeat(2 * SMALL_ANSWER_BYTES));
};

/** What every adapter promises of its connections. */
describe.each(WIRES)('an adapter to $protocol', (wire) => {
  const harness = new WireHarness(wire);

  beforeEach(() => harness.start());
  afterEach(() => harness.stop());

  async function socketsClosed(): Promise<void> {
    while (harness.vendor.openConnections > 0) await turn();
  }

  it('closes when what is under way has ended, and takes nothing new until then', async () => {
    const { live, text } = await harness.begunStream();
    let closed = false;
    const closing = harness.adapter.close?.().then(() => {
      closed = true;
    });

    const refused = { code: 'upstream_unavailable', safeToRetry: true };
    await expect(harness.complete()).rejects.toMatchObject(refused);
    await expect(lastValueFrom(harness.stream())).rejects.toMatchObject(refused);
    expect(closed).toBe(false);

    await live.write(wire.rest);
    await live.end('clean', false);
    expect(await text).toBe(TEXT);
    await closing;
    await socketsClosed();
    expect(harness.vendor.requests).toHaveLength(1);
  });

  it('closes when those that waited for a connection have been served as well', async () => {
    harness.connect({ maxConnections: 1 });
    harness.vendor.otherwise(delayed(5, wire.whole));
    const answers = [harness.complete(), harness.complete(), harness.complete()];
    await turn();
    await harness.adapter.close?.();
    for (const answer of answers) await expect(answer).resolves.toBeDefined();
    await socketsClosed();
    expect(harness.vendor.connections).toBe(1);
  });

  it('U4: closes after the retry of what was under way', async () => {
    await harness.complete();
    await turn();
    harness.vendor.enqueue(resetBeforeHead(), delayed(5, wire.whole));
    const answer = harness.complete();
    await harness.vendor.nextRequest();
    await harness.vendor.nextRequest();
    await harness.adapter.close?.();
    await expect(answer).resolves.toBeDefined();
    await socketsClosed();
  });

  it('P1: is destroyed with what is under way, also while it closes', async () => {
    const { text } = await harness.begunStream();
    harness.vendor.otherwise(stall());
    const silent = harness.complete();
    await harness.vendor.nextRequest();
    await harness.vendor.nextRequest();
    void harness.adapter.close?.();
    await harness.adapter.destroy?.();
    await expect(text).rejects.toMatchObject({ code: 'upstream_error' });
    await expect(silent).rejects.toMatchObject({ code: 'upstream_error', safeToRetry: false });
    await socketsClosed();
  });

  it('U4: a reset on a reused connection is retried once, silently, on a fresh one', async () => {
    await harness.complete();
    await turn();
    harness.vendor.enqueue(resetBeforeHead());
    expect((await harness.complete()).choices[0]?.message.content).toBe(TEXT);
    expect(harness.vendor.requests.map(({ reused }) => reused)).toEqual([false, true, false]);
  });

  it('U5: a reset on a fresh connection is not retried', async () => {
    harness.vendor.otherwise(resetBeforeHead());
    const failed = { code: 'upstream_error', safeToRetry: false };
    await expect(harness.complete()).rejects.toMatchObject(failed);
    await expect(lastValueFrom(harness.stream())).rejects.toMatchObject(failed);
    expect(harness.vendor.requests).toHaveLength(2);
  });

  it('K1: leaving while waiting for a connection does not cost that connection', async () => {
    harness.connect({ maxConnections: 1 });
    const live = controlled();
    harness.vendor.enqueue(live.reply);
    const first = lastValueFrom(harness.stream().pipe(toArray()));
    await live.opened;
    for (let i = 0; i < 5; i += 1) {
      const leaving = new AbortController();
      const answer = harness.complete(leaving.signal);
      await turn();
      leaving.abort();
      await expect(answer).rejects.toBeDefined();
    }
    const last = harness.complete();
    await live.write(wire.begin + wire.rest);
    await live.end('clean', false);
    await Promise.all([first, last]);
    expect(harness.vendor.requests.map(({ connection }) => connection)).toEqual([1, 1]);
  });

  it('U8: an error page of any size is a plain failure with its status', async () => {
    const page = `<html>${'x'.repeat(1_000_000)}</html>`;
    harness.vendor.otherwise(raw(page, { status: 500, headers: { 'content-type': 'text/html' } }));
    const failed = { code: 'upstream_error', upstreamStatus: 500 };
    await expect(harness.complete()).rejects.toMatchObject(failed);
    await expect(lastValueFrom(harness.stream())).rejects.toMatchObject(failed);
  });

  it('U21: refuses an event without end, of however many lines', async () => {
    harness.vendor.otherwise(async (response) => {
      response.head(200, { 'content-type': 'text/event-stream' });
      await response.write(wire.begin);
      while (!response.gone) await response.write(`data: ${'x'.repeat(100_000)}\n`.repeat(10));
    });
    await expect(lastValueFrom(harness.stream())).rejects.toMatchObject({ code: 'upstream_bad_response' });
    expect(await (await harness.vendor.nextRequest()).closed).toBe('aborted');
  });

  it('reads few large answers at a time, and all the others go on', async () => {
    // Blank space is good JSON.
    const large = raw(' '.repeat(16 * 2 ** 20) + wire.body, {
      headers: { 'content-type': 'application/json' },
    });
    harness.vendor.enqueue(...Array.from({ length: LARGE_ANSWERS_AT_ONCE }, () => stuck), large, large);
    const leaving = new AbortController();
    const first = harness.complete(leaving.signal);
    const others = Array.from({ length: LARGE_ANSWERS_AT_ONCE - 1 }, () => harness.complete());
    const failures = Promise.allSettled([first, ...others]);
    for (let i = 0; i < LARGE_ANSWERS_AT_ONCE; i += 1) await harness.vendor.nextRequest();
    await turns(50);

    let answered = 0;
    const waiting = Promise.all(
      [harness.complete(), harness.complete()].map((answer) => answer.then(() => (answered += 1))),
    );
    await harness.vendor.nextRequest();
    const { closed } = await harness.vendor.nextRequest();
    for (let small = 0; small < 20; small += 1) await harness.complete();
    await turns(200);
    expect(answered).toBe(0);

    leaving.abort();
    await waiting;
    expect(await closed).toBe('finished');
    await harness.adapter.destroy?.();
    await failures;
  });

  it('bounds an answer that never ends', async () => {
    harness.vendor.otherwise(async (response) => {
      response.head(200, { 'content-type': 'application/json' });
      while (!response.gone) await response.write(' '.repeat(2 ** 20));
    });
    await expect(harness.complete()).rejects.toMatchObject({ code: 'upstream_bad_response' });
    const { response } = await harness.vendor.nextRequest();
    expect(response.bytesSent).toBeGreaterThan(MAX_ANSWER_BYTES);
  });
});

/** Time enough on loopback for what was written to be read. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

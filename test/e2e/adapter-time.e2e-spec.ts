import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { lastValueFrom, toArray } from 'rxjs';
import { FlowGate } from '../../src/streaming/flow-gate.js';
import { PATIENT, TEXT, WireHarness, WIRES } from '../support/adapter-wires.js';
import { controlled } from '../support/fake-upstream-replies.js';

/** What every adapter promises of time. */
describe.each(WIRES)('an adapter to $protocol', (wire) => {
  const harness = new WireHarness(wire);

  beforeEach(async () => {
    await harness.start();
    // The package of a vendor is loaded at first use, in real time.
    await harness.complete();
    harness.vendor.clear();
    jest.useFakeTimers({
      doNotFake: [
        'nextTick',
        'queueMicrotask',
        'setImmediate',
        'clearImmediate',
        'performance',
        'hrtime',
        'Date',
      ],
    });
  });
  afterEach(async () => {
    jest.useRealTimers();
    await harness.stop();
  });

  it('U26: a word every 30 s for 30 minutes is a good stream', async () => {
    const { live, words, text } = await harness.begunStream();
    for (let minute = 0; minute < 60; minute += 1) {
      jest.advanceTimersByTime(30_000);
      const heard = words();
      await live.write(wire.more(' very'));
      await until(() => words() > heard);
    }
    await live.write(wire.rest);
    await live.end('clean', false);
    expect(await text).toContain(' very'.repeat(60));
  });

  it('U26: comments keep a stream alive once it has begun', async () => {
    const { live, words, text } = await harness.begunStream();
    jest.advanceTimersByTime(45_000);
    const heard = words();
    await live.write(`: still thinking\n\n${wire.more(' very')}`);
    await until(() => words() > heard);
    jest.advanceTimersByTime(45_000);
    await live.write(wire.rest);
    await live.end('clean', false);
    await expect(text).resolves.toContain(' very');
  });

  it('U19: a stream that falls silent is cut at its deadline, not before', async () => {
    const { text } = await harness.begunStream();
    const request = await harness.vendor.nextRequest();
    jest.advanceTimersByTime(PATIENT.betweenChunksMs - 1);
    await turn();
    expect(request.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    await expect(text).rejects.toMatchObject({ code: 'upstream_timeout', safeToRetry: false });
    expect(await request.closed).toBe('aborted');
  });

  it.each([
    ['first token', { firstTokenMs: 1_000 }],
    ['total', { totalMs: 1_000 }],
  ])('U3: comments do not put off the deadline of the first event (%s)', async (_, timeouts) => {
    const live = controlled();
    harness.vendor.enqueue(live.reply);
    const chunks = lastValueFrom(harness.stream(timeouts).pipe(toArray()));
    await live.write(': PROCESSING\n\n');
    await turns(50);
    jest.advanceTimersByTime(1_000);
    await expect(chunks).rejects.toMatchObject({ code: 'upstream_timeout' });
  });

  it('U3: a whole answer that comes byte by byte is cut at the total deadline', async () => {
    const live = controlled({ 'content-type': 'application/json' });
    harness.vendor.enqueue(live.reply);
    const answer = harness.complete();
    await live.write('{');
    jest.advanceTimersByTime(PATIENT.totalMs / 2);
    await live.write('"type":');
    await turns(50);
    jest.advanceTimersByTime(PATIENT.totalMs / 2);
    await expect(answer).rejects.toMatchObject({ code: 'upstream_timeout' });
  });

  it('K4: the time that we hold an upstream back is not its silence', async () => {
    const flow = new FlowGate();
    const { live, text } = await harness.begunStream(flow);
    flow.close();
    const { response } = await harness.vendor.nextRequest();
    // More than sockets and packages read ahead: then it is we who are silent.
    const flood = Array.from({ length: 1_000 }, () => wire.more('x'.repeat(16_384)));
    const sent = (async () => {
      for (const event of flood) await live.write(event);
      await live.write(wire.rest);
      await live.end('clean', false);
    })();
    for (let same = 0, last = -1; same < 500; same = response.bytesSent === last ? same + 1 : 0) {
      last = response.bytesSent;
      await turn();
    }
    expect(response.bytesSent).toBeLessThan(flood.join('').length);
    jest.advanceTimersByTime(10 * PATIENT.betweenChunksMs);
    flow.open();
    await sent;
    expect((await text).length).toBe(TEXT.length + flood.length * 16_384);
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

/** Time enough on loopback for what was written to be read. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) await turn();
}

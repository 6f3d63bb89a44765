import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from '../lib/process-stats.mjs';
import { rssCurve } from '../lib/rss-curve.mjs';
import { percentile } from '../lib/statistics.mjs';
import { warmUp, WARM_UP_MODELS } from '../lib/warm-up.mjs';
import { smallBody, streamModel } from '../scenarios.mjs';

const READERS = 1_000;
const BYTES_PER_SECOND = 1_024;
const OPENING_MS = 4_000;
const HOLD_SECONDS = 10;
const PROBE_RATE = 20;
/** More than all buffers between vendor and reader hold, as fast as they take it. */
const FLOOD = streamModel({ events: 4_000, perWrite: 4, pauseMs: 0, eventBytes: 4_096 });
const PROBE = streamModel({ events: 5, perWrite: 1, pauseMs: 20 });

export const models = [FLOOD, PROBE];

/**
 * What 1,000 clients that read 1 KB/s do to the gateway's memory and to everybody else's first token. The vendor sends
 * as fast as it can, so only backpressure keeps the answers out of memory.
 */
export async function measure({ freshTargets, load, probe, upstream }) {
  const [startGateway] = freshTargets;
  const { target, stop } = await startGateway([...models, ...WARM_UP_MODELS]);
  await warmUp(target, load);

  const state = async (seconds) => {
    const asking = target.asking(smallBody, PROBE, true);
    const { firstByteMs } = await probe.run('openLoop', { ...asking, rate: PROBE_RATE, seconds });
    const firstToken = { p50: percentile(firstByteMs, 0.5), p99: percentile(firstByteMs, 0.99) };
    return { rss: residentBytes(target.pid), firstToken };
  };
  const { value, points } = await rssCurve(target.pid, async () => {
    const before = await state(3);
    await load.run('openSlowReaders', {
      ...target.asking(smallBody, FLOOD, true),
      count: READERS,
      bytesPerSecond: BYTES_PER_SECOND,
      openingMs: OPENING_MS,
    });
    await untilFull(upstream);
    const full = { rss: residentBytes(target.pid) };
    return { before, full, after: await state(HOLD_SECONDS) };
  });
  const { open, bytesRead } = await load.run('slowReaders');
  await load.run('closeSlowReaders');
  await stop();
  return { readers: READERS, stillOpen: open, bytesRead, holdSeconds: HOLD_SECONDS, ...value, points };
}

/** Until the vendor can hardly write any more: every buffer on the way is full. */
async function untilFull(upstream) {
  let last = 0;
  for (let i = 0; i < 60; i += 1) {
    const { events } = await upstream.run('counts');
    if (events - last < 500) return;
    last = events;
    await pause(500);
  }
}

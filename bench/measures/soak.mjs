import { slope } from '../lib/statistics.mjs';
import { Target } from '../lib/target.mjs';
import { JSON_MODEL, smallBody, streamModel } from '../scenarios.mjs';

const SECONDS = 30;
const SPAN_SECONDS = 5;
const STREAM = streamModel({ events: 20, perWrite: 1, pauseMs: 20 });
const JSON_RATE = 100;
const STREAM_RATE = 15;
/** Caches fill and code is compiled before memory levels: of the run, so much is left out. */
const SETTLING_SHARE = 1 / 3;

export const models = [JSON_MODEL, STREAM];

/**
 * Growth of a gateway's memory under steady mixed load, MiB a minute: of its heap, of what lies outside of it, and of
 * the process, each after all garbage was collected. What the heap gains there is kept by somebody; what the process
 * gains beyond it, the allocator keeps. Half a minute finds a leak of every request; `--soak 360` finds slow ones.
 */
export async function measure({ startGateway, load, probe, soakSeconds = SECONDS }) {
  const gateway = await startGateway(models, { heapProbe: true });
  const target = Target.gateway(gateway);
  const points = [];
  let requests = 0;
  const startMs = performance.now();
  const elapsed = () => (performance.now() - startMs) / 1000;
  while (elapsed() < soakSeconds) {
    const span = { seconds: SPAN_SECONDS };
    await Promise.all([
      load.run('openLoop', { ...target.asking(smallBody, JSON_MODEL), rate: JSON_RATE, ...span }),
      probe.run('openLoop', { ...target.asking(smallBody, STREAM, true), rate: STREAM_RATE, ...span }),
    ]);
    requests += (JSON_RATE + STREAM_RATE) * SPAN_SECONDS;
    const { heapUsed, external, rss } = await gateway.memoryAfterGc();
    points.push({ second: elapsed(), requests, heapUsed, external, rss });
  }
  await gateway.stop();
  const settled = points.slice(Math.floor(points.length * SETTLING_SHARE));
  const perMinute = (of) => slope(settled.map((point) => [point.second / 60, of(point) / 2 ** 20]));
  return {
    seconds: Math.round(elapsed()),
    requests,
    heapMibPerMinute: perMinute(({ heapUsed }) => heapUsed),
    externalMibPerMinute: perMinute(({ external }) => external),
    rssMibPerMinute: perMinute(({ rss }) => rss),
    points,
  };
}

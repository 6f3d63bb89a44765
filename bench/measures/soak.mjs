import { rssCurve } from '../lib/rss-curve.mjs';
import { slope } from '../lib/statistics.mjs';
import { JSON_MODEL, smallBody, streamModel } from '../scenarios.mjs';

const SECONDS = 25;
const STREAM = streamModel({ events: 20, perWrite: 1, pauseMs: 20 });

export const models = [JSON_MODEL, STREAM];

/**
 * Growth of the gateway's memory under steady mixed load, MiB a minute. The first half is left out: heaps grow before
 * they level. So short a soak finds a leak of every request, not a slow one.
 */
export async function measure({ targets, load, probe }) {
  const [gateway] = targets;
  const { points } = await rssCurve(gateway.pid, () =>
    Promise.all([
      load.run('openLoop', { ...gateway.asking(smallBody, JSON_MODEL), rate: 300, seconds: SECONDS }),
      probe.run('openLoop', { ...gateway.asking(smallBody, STREAM, true), rate: 50, seconds: SECONDS }),
    ]),
  );
  const settled = points.slice(points.length / 2).map(([second, bytes]) => [second / 60, bytes / 2 ** 20]);
  return { seconds: SECONDS, mibPerMinute: slope(settled), points };
}

import { residentBytes } from '../lib/process-stats.mjs';
import { rssCurve } from '../lib/rss-curve.mjs';
import { warmUp, WARM_UP_MODELS } from '../lib/warm-up.mjs';
import { smallBody, streamModel } from '../scenarios.mjs';

const STREAMS = 1_000;
const OPENING_MS = 2_500;
const SECONDS_OPEN = 6;
const STREAM = streamModel({ events: SECONDS_OPEN * 2, perWrite: 1, pauseMs: 500 });

export const models = [STREAM, ...WARM_UP_MODELS];

/**
 * Memory that one open stream takes, bytes: growth of RSS by 1,000 streams of two events a second, garbage included, in
 * processes of their own that are warm.
 */
export async function measure({ freshTargets, load }) {
  const result = { streams: STREAMS };
  for (const start of freshTargets) {
    const { target, stop } = await start(models);
    await warmUp(target, load);
    const before = residentBytes(target.pid);
    const asking = target.asking(smallBody, STREAM, true);
    const { points } = await rssCurve(target.pid, () =>
      load.run('streams', { ...asking, count: STREAMS, openingMs: OPENING_MS }),
    );
    await stop();
    const most = Math.max(...points.map(([, bytes]) => bytes));
    result[target.name] = { before, most, perStream: (most - before) / STREAMS };
  }
  return result;
}

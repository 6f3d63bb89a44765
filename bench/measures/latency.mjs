import { percentile } from '../lib/statistics.mjs';
import { JSON_MODEL, smallBody, streamModel } from '../scenarios.mjs';

const JSON_RATE = 200;
/** 100 streams a second of two seconds each: 200 are open at any time. */
const STREAM_RATE = 100;
const STREAM = streamModel({ events: 20, perWrite: 1, pauseMs: 100 });

export const models = [JSON_MODEL, STREAM];

/** Time to a whole answer, and to the first token among 200 open streams, at fixed rates. Milliseconds. */
export async function measure({ targets, load, rounds, inTurns, quick }) {
  const turns = Math.ceil(rounds / 2);
  const json = await inTurns(turns, targets, async (target) => {
    const asking = target.asking(smallBody, JSON_MODEL);
    const { totalMs } = await load.run('openLoop', {
      ...asking,
      rate: JSON_RATE,
      seconds: quick ? 1 : 2.5,
    });
    return quantiles(totalMs);
  });
  const firstToken = await inTurns(turns, targets, async (target) => {
    const asking = target.asking(smallBody, STREAM, true);
    const { firstByteMs } = await load.run('openLoop', {
      ...asking,
      rate: STREAM_RATE,
      seconds: quick ? 2.5 : 4,
    });
    // Those of the first two seconds started among fewer streams.
    return quantiles(firstByteMs.slice(2 * STREAM_RATE));
  });
  return { json, firstToken };
}

function quantiles(samples) {
  return { p50: percentile(samples, 0.5), p99: percentile(samples, 0.99) };
}

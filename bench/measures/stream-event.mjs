import { setTimeout as pause } from 'node:timers/promises';
import { cpuMicros } from '../lib/process-stats.mjs';
import { smallBody, streamModel } from '../scenarios.mjs';

const STREAMS = 100;
const WINDOW_MS = 1_400;
const QUICK_WINDOW_MS = 800;
const PAUSE_MS = 20;
const OPENING_MS = 200;
/** After the last stream was opened, and before the first may end. */
const MARGIN_MS = 200;

/**
 * CPU of one event in the middle of streams, for upstream reads of 1 and of 10 events. Streams are opened and ended
 * outside of the window, so requests have no part in it.
 */
export async function measure({ targets, load, upstream, rounds, inTurns, quick }) {
  const windowMs = quick ? QUICK_WINDOW_MS : WINDOW_MS;
  const cpuOf = (perWrite) =>
    inTurns(rounds, targets, async (target) => {
      const model = plan(perWrite, windowMs);
      const done = load.run('streams', {
        ...target.asking(smallBody, model, true),
        count: STREAMS,
        openingMs: OPENING_MS,
      });
      const [cpu] = await Promise.all([windowCpu(target, upstream, windowMs), done]);
      return cpu;
    });
  return { perRead1: await cpuOf(1), perRead10: await cpuOf(10) };
}

async function windowCpu(target, upstream, windowMs) {
  await pause(OPENING_MS + MARGIN_MS);
  const cpuBefore = cpuMicros(target.pid);
  const { events: eventsBefore } = await upstream.run('counts');
  await pause(windowMs);
  const cpu = cpuMicros(target.pid) - cpuBefore;
  const { events } = await upstream.run('counts');
  return cpu / (events - eventsBefore);
}

function plan(perWrite, windowMs) {
  const writes = Math.ceil((OPENING_MS + windowMs + 2 * MARGIN_MS) / PAUSE_MS);
  return streamModel({ events: writes * perWrite, perWrite, pauseMs: PAUSE_MS });
}

export const models = [WINDOW_MS, QUICK_WINDOW_MS].flatMap((windowMs) => [
  plan(1, windowMs),
  plan(10, windowMs),
]);

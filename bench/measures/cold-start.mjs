import { setTimeout as pause } from 'node:timers/promises';
import { residentBytes } from '../lib/process-stats.mjs';
import { least } from '../lib/statistics.mjs';
import { JSON_MODEL } from '../scenarios.mjs';

export const models = [JSON_MODEL];

const ROUNDS = 7;
/** V8 collects what a start has left some ten seconds after it. */
const IDLE_MS = 25_000;

/**
 * Seconds from spawn to the first 200 of `/health/ready`, on an empty folder and on a database that is there, and the
 * RSS of a process that has then been left alone, bytes. With a build `before` the same of it, by turns.
 */
export async function measure({ startGateway, before, quick }) {
  const builds = { now: {}, ...(before !== undefined && { before: { main: before } }) };
  const results = {};
  for (const name of Object.keys(builds)) results[name] = { first: [], again: [], idle: 0 };
  for (let round = 0; round < (quick ? 1 : ROUNDS); round += 1) {
    for (const [name, settings] of Object.entries(builds)) {
      const fresh = await startGateway(models, settings);
      results[name].first.push(fresh.readyMs / 1000);
      const folder = await fresh.halt();
      const second = await startGateway(models, { ...settings, folder });
      results[name].again.push(second.readyMs / 1000);
      await second.stop();
    }
  }
  const idle = await Promise.all(Object.values(builds).map((settings) => startGateway(models, settings)));
  await pause(IDLE_MS);
  for (const [index, name] of Object.keys(builds).entries()) {
    results[name].idle = residentBytes(idle[index].pid);
    await idle[index].stop();
  }
  return { ...told(results.now), ...(before !== undefined && { before: told(results.before) }) };
}

function told({ first, again, idle }) {
  return { firstBoot: least(first), laterBoot: least(again), idleBytes: idle };
}

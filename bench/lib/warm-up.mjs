import { JSON_MODEL, longBody, smallBody, streamModel } from '../scenarios.mjs';

const STREAM = streamModel({ events: 100, perWrite: 1, pauseMs: 2 });

export const WARM_UP_MODELS = [JSON_MODEL, STREAM];

/** Lets a process compile what the measures will run, so that none of them pays for being the first. */
export async function warmUp(target, load) {
  const answers = (body, requests) =>
    load.run('closedLoop', { ...target.asking(body, JSON_MODEL), connections: 16, requests });
  await answers(smallBody, 5_000);
  await answers(longBody, 1_000);
  const asking = target.asking(smallBody, STREAM, true);
  await load.run('closedLoop', { ...asking, connections: 50, requests: 300 });
}

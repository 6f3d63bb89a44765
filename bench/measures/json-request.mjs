import { cpuMicros } from '../lib/process-stats.mjs';
import { JSON_MODEL, longBody, smallBody } from '../scenarios.mjs';

const SECONDS = 1.2;
const QUICK_SECONDS = 0.7;

export const models = [JSON_MODEL];

/**
 * CPU of one whole answer, closed loop: for a question of one line and for a conversation of 100 messages, with 64
 * requests at a time; and with 16, because commits that fewer requests share cost each of them more.
 */
export async function measure({ targets, load, rounds, inTurns, quick }) {
  const cpuOf = (body, connections) =>
    inTurns(rounds, targets, async (target) => {
      const before = cpuMicros(target.pid);
      const { requests } = await load.run('closedLoop', {
        ...target.asking(body, JSON_MODEL),
        connections,
        seconds: quick ? QUICK_SECONDS : SECONDS,
      });
      return (cpuMicros(target.pid) - before) / requests;
    });
  return {
    small: await cpuOf(smallBody, 64),
    small16: await cpuOf(smallBody, 16),
    messages100: await cpuOf(longBody, 64),
  };
}

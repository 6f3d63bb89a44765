import { cpuMicros } from '../lib/process-stats.mjs';
import { JSON_MODEL, longBody, smallBody } from '../scenarios.mjs';

const CONNECTIONS = 16;

export const models = [JSON_MODEL];

/** CPU of one whole answer, for a question of one line and for a conversation of 100 messages. Closed loop. */
export async function measure({ targets, load, rounds, inTurns }) {
  const cpuOf = (body) =>
    inTurns(rounds, targets, async (target) => {
      const asking = target.asking(body, JSON_MODEL);
      const before = cpuMicros(target.pid);
      const { requests } = await load.run('closedLoop', {
        ...asking,
        connections: CONNECTIONS,
        seconds: 1.5,
      });
      return (cpuMicros(target.pid) - before) / requests;
    });
  return { small: await cpuOf(smallBody), messages100: await cpuOf(longBody) };
}

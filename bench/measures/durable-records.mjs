import { Target } from '../lib/target.mjs';
import { JSON_MODEL, smallBody } from '../scenarios.mjs';

const CONNECTIONS = 128;

export const models = [JSON_MODEL];

/**
 * Answers a second when as many as possible are wanted; each has its usage on disk before its body. The rows are
 * counted afterwards: exactly one an answer.
 */
export async function measure({ startGateway, load, quick }) {
  const gateway = await startGateway(models);
  try {
    const asking = Target.gateway(gateway).asking(smallBody, JSON_MODEL);
    await load.run('closedLoop', { ...asking, connections: CONNECTIONS, requests: 1_000 });
    const requests = quick ? 2_000 : 8_000;
    const { seconds } = await load.run('closedLoop', { ...asking, connections: CONNECTIONS, requests });
    await gateway.halt();
    return { perSecond: requests / seconds, answers: requests + 1_000, rows: gateway.storedRecords() };
  } finally {
    await gateway.stop();
  }
}

import { percentile } from '../lib/statistics.mjs';
import { Target } from '../lib/target.mjs';
import { JSON_MODEL, smallBody } from '../scenarios.mjs';

const RATE = 500;

export const models = [JSON_MODEL];

/**
 * 500 whole answers a second, all on one account: one balance row, two durable writes each (hold and settlement).
 * Any answer but 200 fails the run. Beside the latency, how long the event loop stood still, as the process says.
 */
export async function measure({ startGateway, load, quick }) {
  const gateway = await startGateway(models);
  try {
    const asking = Target.gateway(gateway).asking(smallBody, JSON_MODEL);
    await load.run('closedLoop', { ...asking, connections: 32, requests: 1_000 });
    await eventLoopP99Ms(gateway.port);
    const { totalMs } = await load.run('openLoop', { ...asking, rate: RATE, seconds: quick ? 3 : 8 });
    return {
      rate: RATE,
      answers: totalMs.length,
      p50: percentile(totalMs, 0.5),
      p99: percentile(totalMs, 0.99),
      eventLoopP99Ms: await eventLoopP99Ms(gateway.port),
      differences: await differences(gateway.port),
    };
  } finally {
    await gateway.stop();
  }
}

const ADMIN = { headers: { authorization: 'Bearer admin-tg-bench-0123456789abcdefghijklmnopqrstu' } };

/** Since it was asked last. */
async function eventLoopP99Ms(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`, ADMIN)).text();
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(text)?.[1];
  if (seconds === undefined) throw new Error('the gateway tells no event loop figure');
  return Number(seconds) * 1000;
}

/** What does not add up in the ledger afterwards. */
async function differences(port) {
  const answer = await (await fetch(`http://127.0.0.1:${port}/admin/v1/ledger/verify`, ADMIN)).json();
  return answer.differences.length;
}

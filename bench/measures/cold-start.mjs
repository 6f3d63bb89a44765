import { least } from '../lib/statistics.mjs';
import { JSON_MODEL } from '../scenarios.mjs';

export const models = [JSON_MODEL];

/** Seconds from spawn to the first 200 of `/health/ready`: on an empty folder, and on a database that is there. */
export async function measure({ startGateway, quick }) {
  const first = [];
  const again = [];
  for (let i = 0; i < (quick ? 1 : 3); i += 1) {
    const fresh = await startGateway(models);
    first.push(fresh.readyMs / 1000);
    const folder = await fresh.halt();
    const second = await startGateway(models, { folder });
    again.push(second.readyMs / 1000);
    await second.stop();
  }
  return { firstBoot: least(first), laterBoot: least(again) };
}

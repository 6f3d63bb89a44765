import { expect } from '@jest/globals';
import type { UsageRecord } from '../../src/billing/usage.repository.js';
import { Database } from '../../src/persistence/database.js';
import { eventually } from './eventually.js';
import type { Tollgate } from './tollgate.js';
import type { WireApp } from './wire-app.js';

/** The durable row of a request; waits for it, since a client that is not served is not kept waiting for the row. */
export function billOf({ tollgate }: WireApp, response: Response | string): Promise<UsageRecord> {
  return eventually(() => tollgate.usageOf(response), 'a row of the request');
}

/** Rows of requests that never got as far as telling their client an id, by the id that the client gave them. */
export async function billsOfClient({ tollgate }: WireApp, clientRequestId: string): Promise<UsageRecord[]> {
  const rows = await tollgate.allUsage();
  return rows.filter((row) => row.clientRequestId === clientRequestId);
}

/** I6: a request that got no answer has cost nothing, and its row says why. */
export async function expectUnbilled(
  app: WireApp,
  response: Response | string,
  outcome = 'upstream_failed',
): Promise<void> {
  expect(await billOf(app, response)).toMatchObject({
    outcome,
    promptTokens: 0,
    completionTokens: 0,
    costNanoUsd: 0n,
    creditHundredths: 0n,
  });
}

/** I3, I9: no request is open with us, none with the upstream, and no credit is held. */
export async function expectNothingOpen({ tollgate, upstream }: WireApp): Promise<void> {
  await eventually(() => tollgate.openRequests === 0, 'an end of all requests');
  await eventually(async () => (await openHolds(tollgate)) === 0, 'an end of all holds');
  await Promise.all(upstream.requests.map(({ closed }) => closed));
}

async function openHolds(tollgate: Tollgate): Promise<number> {
  const open = await tollgate.app
    .get(Database)
    .kysely.selectFrom('holds')
    .select('request_id')
    .where('state', '=', 'open')
    .execute();
  return open.length;
}

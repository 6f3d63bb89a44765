import { expect } from '@jest/globals';
import type { UsageRecord } from '../../src/billing/usage.repository.js';
import { eventually } from './eventually.js';
import { brokenInvariantsOf } from './invariants.js';
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

/** I1 to I6 and I9: nothing is open, with us or with the upstream, and every row adds up. */
export async function expectNothingOpen({ tollgate, upstream }: WireApp): Promise<void> {
  expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  await Promise.all(upstream.requests.map(({ closed }) => closed));
}

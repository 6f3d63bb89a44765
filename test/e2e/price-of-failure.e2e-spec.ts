import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/fake-upstream-replies.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { catalogueYaml, MODEL, Tollgate, TWO_ROUTES } from '../support/tollgate.js';
const CHAT = '/api/v1/chat/completions';
const ask = (model: string, over: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'hi' }],
  ...over,
});

/** Rows of docs/billing.md, "What each end costs", that no other spec proves by itself. */
describe('the price of ends that are no failures, or not only', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    upstream.on('first', failure(503));
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, TWO_ROUTES) });
  });
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  it.each([
    { end: 'an empty answer', model: 'sandbox/empty', stream: false },
    { end: 'an empty answer', model: 'sandbox/empty', stream: true },
    { end: 'a refusal', model: 'sandbox/refusal', stream: false },
    { end: 'a refusal', model: 'sandbox/refusal', stream: true },
  ])('$end is an answer: its usage is charged (stream: $stream)', async ({ model, stream }) => {
    const response = await tollgate.post(CHAT, ask(model, { stream }));
    await response.text();
    const row = await tollgate.usageOf(response);
    expect(row).toMatchObject({ outcome: 'completed', usageSource: 'upstream' });
    expect(row?.promptTokens).toBeGreaterThan(0);
    expect(row?.creditHundredths).toBeGreaterThan(0n);
  });

  it('a fallback is one answer, charged once, for the route that gave it', async () => {
    const before = (await tollgate.allUsage()).length;
    const response = await tollgate.post(CHAT, ask('test/two-routes'));
    await response.text();
    expect((await tollgate.allUsage()).length - before).toBe(1);
    expect(await tollgate.usageOf(response)).toMatchObject({ upstreamModel: 'second', outcome: 'completed' });
  });

  it('a retry by the client after a failure costs nothing for the failure and once for the answer', async () => {
    upstream.enqueue(failure(500));
    const failed = await tollgate.post(CHAT, ask(MODEL));
    const retried = await tollgate.post(CHAT, ask(MODEL));
    await retried.text();
    expect([failed.status, retried.status]).toEqual([502, 200]);
    expect(await eventually(() => tollgate.usageOf(failed), 'its row')).toMatchObject({
      outcome: 'upstream_failed',
      creditHundredths: 0n,
    });
    expect(await tollgate.usageOf(retried)).toMatchObject({ outcome: 'completed' });
  });

  it('an upstream that runs out of time costs nothing', async () => {
    const impatient = await Tollgate.start({
      yaml: catalogueYaml(upstream.baseUrl),
      env: { UPSTREAM_TIMEOUT_MS: '100' },
    });
    try {
      const response = await impatient.post(CHAT, ask('sandbox/timeout'));
      expect(response.status).toBe(504);
      // What costs nothing is given back after the answer, not before it.
      const row = await eventually(() => impatient.usageOf(response), 'its row');
      expect(row).toMatchObject({ outcome: 'upstream_failed', creditHundredths: 0n });
      expect(await brokenInvariantsOf(impatient)).toEqual([]);
    } finally {
      await impatient.close();
    }
  });
});

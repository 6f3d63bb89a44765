import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { HousekeepingService } from '../../src/billing/housekeeping.service.js';
import { Clock } from '../../src/common/clock/clock.js';
import { eventually } from '../support/eventually.js';
import { controlled } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { brokenInvariantsOf, openHolds } from '../support/invariants.js';
import { Database } from '../../src/persistence/database.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const HOUR_MS = 3_600_000;

describe('a wall clock that jumps', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  it.each([1, -1])('D10: by %d h resolves no hold, opens no limit and charges once', async (hours) => {
    const key = await tollgate.newKey({ requestsPerMinute: 1 });
    const headers = { authorization: `Bearer ${key.secret}` };
    const reply = controlled();
    upstream.enqueue(reply.reply);
    const asked = tollgate.post(
      '/api/v1/chat/completions',
      { model: MODEL, messages: [{ role: 'user', content: 'hi' }], stream: true },
      headers,
    );
    await reply.opened;

    const now = Date.now();
    jest.spyOn(tollgate.app.get(Clock), 'nowMs').mockReturnValue(now + hours * HOUR_MS);
    await tollgate.app.get(HousekeepingService, { strict: false }).start();
    const { kysely } = tollgate.app.get(Database);
    expect(await openHolds(kysely)).toHaveLength(1);
    const limited = await tollgate.post('/api/v1/chat/completions', { model: MODEL, messages: [] }, headers);
    expect(limited.status).toBe(429);

    for (const chunk of chatChunks('here it is')) await reply.event(chunk);
    await reply.end();
    const response = await asked;
    expect(await response.text()).toContain('data: [DONE]');
    expect(await eventually(() => tollgate.usageOf(response))).toMatchObject({ outcome: 'completed' });
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  });
});

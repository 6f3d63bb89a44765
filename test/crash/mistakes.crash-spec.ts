import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, calmUpstream, leave } from '../support/crash-load.js';
import { CrashRing } from '../support/crash-ring.js';
import { eventually } from '../support/eventually.js';
import { endless } from '../support/fake-upstream-replies.js';
import { chatChunks } from '../support/fake-upstream-wire.js';
import { brokenInvariants, openHolds } from '../support/invariants.js';

describe('mistakes of ours in a close handler', () => {
  let ring: CrashRing;
  beforeAll(async () => {
    ring = await CrashRing.open({ accounts: 1 });
    // The ring's own fails now and then; here only we do.
    ring.upstream.otherwise(calmUpstream);
  });
  afterAll(() => ring.close());

  const resolved = (): Promise<unknown> =>
    eventually(async () => (await openHolds(ring.db)).length === 0, 'an end of all holds');

  it('P8: an unhandled rejection ends neither the process nor the resolution of the hold', async () => {
    const gateway = await ring.start({}, 'faulty-close.js');
    ring.upstream.enqueue(endless(chatChunks('word')[1], 5));
    await leave(gateway.origin, ring.firstPayer.secret, { 'x-test-fault': 'reject' });
    await resolved();
    const seen = await ask(gateway.origin, ring.firstPayer.secret, { stream: false });
    expect(seen).toMatchObject({ end: 'whole' });
    expect(await brokenInvariants(ring.db, { seen: seen === undefined ? [] : [seen] })).toEqual([]);
    expect(gateway.alive).toBe(true);
    await gateway.kill();
  });

  it('P8: a throw ends the process with an exit code, and the next one finds the hold safe', async () => {
    const gateway = await ring.start({}, 'faulty-close.js');
    ring.upstream.enqueue(endless(chatChunks('word')[1], 5));
    await leave(gateway.origin, ring.firstPayer.secret, { 'x-test-fault': 'throw' });
    expect(await gateway.gone).toBe(1);
    const next = await ring.start();
    await resolved();
    expect(await brokenInvariants(ring.db)).toEqual([]);
    await next.kill();
  });
});

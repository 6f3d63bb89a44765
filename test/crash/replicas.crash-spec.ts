import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ask } from '../support/crash-load.js';
import type { GatewayProcess } from '../support/crash-process.js';
import { CrashRing } from '../support/crash-ring.js';
import { onPostgres } from '../support/databases.js';
import { eventually } from '../support/eventually.js';
import { controlled, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { brokenInvariants, openHolds } from '../support/invariants.js';

/** 100 completion tokens cost one credit and prompts nothing: a hold is exactly what is charged. */
const ONE_CREDIT = 'test/one-credit';
const ONE_CREDIT_MODEL = `
  - id: ${ONE_CREDIT}
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
const SWEPT_MS = 20_000;

onPostgres((newDatabaseUrl) => {
  let ring: CrashRing;
  let gateways: GatewayProcess[];

  beforeEach(async () => {
    ring = await CrashRing.open({
      databaseUrl: await newDatabaseUrl(),
      accounts: 1,
      creditHundredths: 1_000n,
      models: ONE_CREDIT_MODEL,
    });
    gateways = await Promise.all([ring.start(), ring.start()]);
  });
  afterEach(async () => {
    await Promise.all(gateways.map((gateway) => gateway.kill()));
    await ring.close();
  });

  const swept = (): Promise<unknown> =>
    eventually(async () => (await openHolds(ring.db)).length === 0, 'an end of all holds', SWEPT_MS);

  async function states(): Promise<string[]> {
    const rows = await ring.db.selectFrom('holds').select('state').execute();
    return rows.map(({ state }) => state);
  }

  it('P3: a process that was paused until its holds were resolved gives no whole answer and charges nothing', async () => {
    const [paused] = gateways as [GatewayProcess];
    const answer = Promise.withResolvers<void>();
    ring.upstream.enqueue(async (response, request) => {
      await answer.promise;
      await json(chatAnswer({ usage: wireUsage(50, 500) }))(response, request);
    });
    const asked = ask(paused.origin, ring.firstPayer.secret, { stream: false });
    await ring.upstream.nextRequest();
    paused.signal('SIGSTOP');
    await swept();
    expect(await states()).toEqual(['expired']);
    answer.resolve();
    paused.signal('SIGCONT');

    const seen = await asked;
    expect(seen).toMatchObject({ end: 'refused' });
    expect(await brokenInvariants(ring.db, { seen: seen === undefined ? [] : [seen] })).toEqual([]);
    expect(await ask(paused.origin, ring.firstPayer.secret, { stream: false })).toMatchObject({
      end: 'whole',
    });
  });

  it('P3: a stream of a paused process is charged once, for what was relayed, and does not end with [DONE]', async () => {
    const [paused] = gateways as [GatewayProcess];
    const live = controlled();
    ring.upstream.enqueue(live.reply);
    const asked = ask(paused.origin, ring.firstPayer.secret, { stream: true });
    const [role, one, ...rest] = chatChunks('one two three four', { usage: wireUsage(50, 500) });
    await live.event(role);
    // Notes of progress are a second apart.
    await eventually(async () => {
      await live.event(one);
      const [hold] = await ring.db.selectFrom('holds').select('relayed_tokens').execute();
      return (hold?.relayed_tokens ?? 0) > 0;
    });
    paused.signal('SIGSTOP');
    await swept();
    expect(await states()).toEqual(['settled']);
    for (const chunk of rest) await live.event(chunk);
    await live.end();
    paused.signal('SIGCONT');

    const seen = await asked;
    expect(seen).toMatchObject({ end: 'partial' });
    expect(await brokenInvariants(ring.db, { seen: seen === undefined ? [] : [seen] })).toEqual([]);
  });

  it.each([{ stream: false }, { stream: true }])(
    'P4: 200 parallel requests over two processes on credit for exactly 10 get exactly 10 answers (stream: $stream)',
    async ({ stream }) => {
      const usage = wireUsage(5, 100);
      ring.upstream.on('one-credit', (response, request) =>
        stream
          ? sse(chatChunks('some text', { usage }))(response, request)
          : json(chatAnswer({ content: 'some text', usage }))(response, request),
      );
      const seen = await Promise.all(
        Array.from({ length: 200 }, (_, i) =>
          ask(gateways[i % 2]?.origin ?? '', ring.firstPayer.secret, {
            stream,
            model: ONE_CREDIT,
            maxTokens: 100,
          }),
        ),
      );
      const known = seen.filter((one) => one !== undefined);
      expect(known.filter(({ end }) => end === 'whole')).toHaveLength(10);
      expect(known.filter(({ end }) => end === 'refused')).toHaveLength(190);
      expect(ring.upstream.requests).toHaveLength(10);
      // Priced by another model's table in `ask`; what was charged is seen in the balance.
      const whole = known.map(({ requestId, end }) => ({ requestId, end }));
      await swept();
      expect(await brokenInvariants(ring.db, { seen: whole })).toEqual([]);
      const { accountId } = ring.firstPayer;
      const [balance] = await ring.db
        .selectFrom('account_balances')
        .selectAll()
        .where('account_id', '=', accountId)
        .execute();
      expect(balance).toMatchObject({ balance_hundredths: 0n, held_hundredths: 0n });
    },
  );
});

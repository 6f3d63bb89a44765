import { afterEach, expect, it } from '@jest/globals';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import type { Database } from '../../src/persistence/database.js';
import { LogService } from '../../src/observability/log.service.js';
import { DeliveryTimes } from '../../src/webhooks/delivery-times.js';
import { OutboxRepository } from '../../src/webhooks/outbox.repository.js';
import { WebhookDispatcherService } from '../../src/webhooks/webhook-dispatcher.service.js';
import { keyRevoked } from '../../src/webhooks/webhook-event.js';
import { anAppConfig } from '../support/catalogue-builders.js';
import { eachDatabase } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';
import { answers, WEBHOOK_SECRET, WebhookReceiver } from '../support/webhook-receiver.js';

const HOUR_MS = 3_600_000;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function startReceiver(): Promise<WebhookReceiver> {
  const receiver = await WebhookReceiver.start();
  cleanups.push(() => receiver.close());
  return receiver;
}

/** A dispatcher that looks into the outbox when told, and waits by a clock that passes when told. */
function dispatcherOf(
  database: Database,
  clock: ManualClock,
  receiver: { readonly port: number },
  times: Partial<DeliveryTimes> = {},
) {
  const config = {
    ...anAppConfig({ upstreams: [], models: [] }),
    webhooks: {
      url: `http://127.0.0.1:${receiver.port}/hook`,
      secret: WEBHOOK_SECRET,
      lowBalanceHundredths: undefined,
    },
  };
  const outbox = new OutboxRepository(database);
  const dispatcher = new WebhookDispatcherService(
    config,
    database,
    new GroupCommit(database),
    outbox,
    { ...new DeliveryTimes(), ...times },
    clock,
    new LogService(config),
  );
  cleanups.unshift(() => dispatcher.beforeApplicationShutdown());
  return {
    dispatcher,
    /** Sends what is due and waits for what comes of it. */
    deliver: async () => {
      await dispatcher.turn();
      await dispatcher.idle();
    },
    add: async (count = 1) => {
      const events = Array.from({ length: count }, (_, i) =>
        keyRevoked({
          id: `key_${i}`,
          accountId: 'acct_1',
          name: 'n',
          displayPrefix: 'p',
          revokedAtMs: clock.nowMs(),
        }),
      );
      await outbox.add(database.kysely, events);
      return events.map(({ id }) => id);
    },
  };
}

const rowsOf = (database: Database) =>
  database.kysely
    .selectFrom('webhook_events')
    .select(['id', 'state', 'attempts', 'last_failure'])
    .orderBy('id')
    .execute();

eachDatabase((_kind, open) => {
  it('delivers everything that waits, each once, more than there are hands', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    const ids = await add(100);
    await deliver();
    expect(receiver.arrivals.map(({ eventId }) => eventId).toSorted()).toEqual(ids.toSorted());
    expect(receiver.arrivals.every(({ signed }) => signed)).toBe(true);
    expect(new Set((await rowsOf(database)).map(({ state }) => state))).toEqual(new Set(['delivered']));
    await deliver();
    expect(receiver.arrivals).toHaveLength(100);
  });

  it('tries again after failures, later each time, with the same body and a fresh signature', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    receiver.answers = [answers.status(500), answers.status(503), answers.ok];
    await add();
    await deliver();
    expect(await rowsOf(database)).toMatchObject([
      { state: 'pending', attempts: 1, last_failure: 'status 500' },
    ]);
    clock.pass(499);
    await deliver();
    expect(receiver.arrivals).toHaveLength(1);
    clock.pass(501);
    await deliver();
    expect(receiver.arrivals).toHaveLength(2);
    clock.pass(999);
    await deliver();
    expect(receiver.arrivals).toHaveLength(2);
    clock.pass(1_001);
    await deliver();
    expect(await rowsOf(database)).toMatchObject([{ state: 'delivered', attempts: 3 }]);
    const [first, , third] = receiver.arrivals;
    expect(third).toMatchObject({ text: first?.text, eventId: first?.eventId, signed: true });
    expect(third?.timestampSeconds).toBe((first?.timestampSeconds ?? 0) + 3);
  });

  it('counts silence as a failure', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver, { attemptMs: 100 });
    receiver.answers = [answers.silence, answers.ok];
    await add();
    await deliver();
    expect(await rowsOf(database)).toMatchObject([{ state: 'pending', last_failure: 'TimeoutError' }]);
    clock.pass(1_000);
    await deliver();
    expect(await rowsOf(database)).toMatchObject([{ state: 'delivered', attempts: 2 }]);
  });

  it('S44: follows no redirect', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const elsewhere = await startReceiver();
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    receiver.answers = [answers.status(307, { location: `http://127.0.0.1:${elsewhere.port}/` })];
    await add();
    await deliver();
    expect(elsewhere.arrivals).toEqual([]);
    expect(await rowsOf(database)).toMatchObject([{ state: 'pending', last_failure: 'status 307' }]);
  });

  it('gives up after a day, in a bounded number of attempts', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    receiver.answers = [answers.status(500)];
    await add();
    for (let hour = 0; hour < 26; hour++) {
      await deliver();
      clock.pass(HOUR_MS);
    }
    const attempts = receiver.arrivals.length;
    expect(attempts).toBeGreaterThan(20);
    expect(await rowsOf(database)).toMatchObject([{ state: 'given_up', attempts }]);
    clock.pass(100 * HOUR_MS);
    await deliver();
    expect(receiver.arrivals).toHaveLength(attempts);
  });

  it('sends again what a process took and did not live to finish, after its lease', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    const [id] = await add();
    // A process that claims and is never heard of again.
    await new OutboxRepository(database).claim(clock.nowMs(), clock.nowMs() + 60_000, 1);
    await deliver();
    expect(receiver.arrivals).toEqual([]);
    clock.pass(60_000);
    await deliver();
    expect(receiver.arrivals.map(({ eventId }) => eventId)).toEqual([id]);
  });

  it('does not let a late outcome undo what came after it', async () => {
    const [database, clock] = [await open(), new ManualClock()];
    const { add } = dispatcherOf(database, clock, await startReceiver());
    await add();
    const outbox = new OutboxRepository(database);
    const [late] = await outbox.claim(clock.nowMs(), clock.nowMs(), 1);
    const [present] = await outbox.claim(clock.nowMs(), clock.nowMs(), 1);
    if (late === undefined || present === undefined) throw new Error('not claimed');
    await outbox.record(database.kysely, { ...present, state: 'delivered' } as never);
    await outbox.record(database.kysely, { ...late, state: 'pending', failure: 'x', dueAtMs: 0 } as never);
    expect(await rowsOf(database)).toMatchObject([{ state: 'delivered', attempts: 2, last_failure: null }]);
  });

  it('gives each event to one of several claimers', async () => {
    const [database, clock] = [await open(), new ManualClock()];
    const { add } = dispatcherOf(database, clock, await startReceiver());
    const ids = await add(60);
    const outbox = new OutboxRepository(database);
    const claims = await Promise.all(
      Array.from({ length: 6 }, () => outbox.claim(clock.nowMs(), clock.nowMs() + 1_000, 20)),
    );
    const claimed = claims.flat().map(({ id }) => id);
    expect(new Set(claimed).size).toBe(claimed.length);
    expect(ids).toEqual(expect.arrayContaining(claimed));
  });

  it('at shutdown cuts what hangs, and another process sends it at once', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const first = dispatcherOf(database, clock, receiver, { shutdownMs: 50 });
    receiver.answers = [answers.silence, answers.ok];
    const [id] = await first.add();
    await first.dispatcher.turn();
    await first.dispatcher.beforeApplicationShutdown();
    await first.add();
    await first.deliver();
    expect(receiver.arrivals.length).toBeLessThanOrEqual(1);
    await dispatcherOf(database, clock, receiver).deliver();
    expect(receiver.arrivals.map(({ eventId }) => eventId)).toContain(id);
    expect((await rowsOf(database)).map(({ state }) => state)).toEqual(['delivered', 'delivered']);
  });

  it('forgets what is done after a week, never what waits', async () => {
    const [database, clock, receiver] = [await open(), new ManualClock(), await startReceiver()];
    const { add, deliver } = dispatcherOf(database, clock, receiver);
    await add();
    await deliver();
    const [waiting] = await add();
    const outbox = new OutboxRepository(database);
    clock.pass(1);
    expect(await outbox.removeDone(clock.nowMs(), 500)).toBe(1);
    expect((await rowsOf(database)).map(({ id }) => id)).toEqual([waiting]);
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AccountAdminService } from '../../src/accounts/account-admin.service.js';
import { KeysService } from '../../src/accounts/keys.service.js';
import { MoneyListeners } from '../../src/billing/money-listeners.js';
import { Database } from '../../src/persistence/database.js';
import { eventually } from '../support/eventually.js';
import { failure, json } from '../support/fake-upstream-replies.js';
import { chatAnswer, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';
import { answers, WEBHOOK_SECRET, WebhookReceiver } from '../support/webhook-receiver.js';

/** 100 completion tokens cost one credit; prompts are free, so a hold is exactly what is charged. */
const ONE_CREDIT_MODEL = `
  - id: test/one-credit
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
const ASK = { model: 'test/one-credit', max_tokens: 100, messages: [{ role: 'user', content: 'my prompt' }] };
const CHAT = '/v1/chat/completions';

let upstream: FakeUpstream;

beforeAll(async () => {
  upstream = await FakeUpstream.start();
});
beforeEach(() => {
  upstream.on('one-credit', json(chatAnswer({ content: 'my answer', usage: wireUsage(5, 100) })));
});
afterAll(() => upstream.close());

const start = (env: Record<string, string>): Promise<Tollgate> =>
  Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, ONE_CREDIT_MODEL), env });

/** Ids of the requests of which the outbox tells, and of those that the ledger charges. */
async function toldAndCharged(tollgate: Tollgate): Promise<{ told: string[]; charged: string[] }> {
  const { kysely } = tollgate.app.get(Database);
  const events = await kysely
    .selectFrom('webhook_events')
    .select('body')
    .where('type', '=', 'request.settled')
    .execute();
  const entries = await kysely
    .selectFrom('ledger_entries')
    .select('request_id')
    .where('type', '=', 'settlement')
    .execute();
  return {
    told: events
      .map(({ body }) => (JSON.parse(body) as { data: { request_id: string } }).data.request_id)
      .toSorted(),
    charged: entries.map(({ request_id: id }) => id ?? '').toSorted(),
  };
}

/** Types of the events in the outbox whose body names an id. */
async function eventsAbout(tollgate: Tollgate, id: string): Promise<string[]> {
  const rows = await tollgate.app
    .get(Database)
    .kysely.selectFrom('webhook_events')
    .select('type')
    .where('body', 'like', `%${id}%`)
    .execute();
  return rows.map(({ type }) => type);
}

describe('webhooks', () => {
  let receiver: WebhookReceiver;
  let tollgate: Tollgate;

  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    tollgate = await start({ ...receiver.env, LOW_BALANCE_CREDITS: '3' });
  });
  afterAll(async () => {
    await tollgate.close();
    await receiver.close();
  });

  const ask = (secret: string, body: object = ASK): Promise<Response> =>
    tollgate.post(CHAT, body, { authorization: `Bearer ${secret}` });

  it('tells of a settled request, signed, with what was charged and what is left', async () => {
    const key = await tollgate.newKey({}, 1_000n);
    const response = await ask(key.secret);
    const requestId = response.headers.get('x-request-id');
    const arrival = await receiver.next('request.settled', requestId);
    expect(arrival).toMatchObject({ signed: true, path: '/hook?token=t', eventId: arrival.event.id });
    expect(Math.abs(arrival.timestampSeconds - Date.now() / 1000)).toBeLessThan(60);
    expect(arrival.event).toMatchObject({
      object: 'event',
      type: 'request.settled',
      data: {
        request_id: requestId,
        account_id: key.accountId,
        key_id: key.id,
        model: 'test/one-credit',
        outcome: 'completed',
        usage: { prompt_tokens: 5, completion_tokens: 100, total_tokens: 105, usage_source: 'upstream' },
        cost_usd: 0.005,
        credits: 1,
        balance: 9,
      },
    });
  });

  it('S29: sends no secret, no prompt and no answer', async () => {
    const key = await tollgate.newKey({}, 400n);
    const response = await ask(key.secret);
    await receiver.next('request.settled', response.headers.get('x-request-id'));
    await tollgate.app.get(KeysService).revoke(key.id);
    await eventually(() => receiver.of('key.revoked').some(({ event }) => event.data['key_id'] === key.id));
    const all = receiver.arrivals.map(({ text }) => text).join('\n');
    for (const secret of [key.secret, tollgate.key, WEBHOOK_SECRET, 'my prompt', 'my answer']) {
      expect(all).not.toContain(secret);
    }
  });

  it('tells once that a balance has come down to the threshold, by a request', async () => {
    const { secret, accountId } = await tollgate.newKey({}, 500n);
    const ids: (string | null)[] = [];
    for (let i = 0; i < 4; i++) ids.push((await ask(secret)).headers.get('x-request-id'));
    const arrival = await eventually(() =>
      receiver.of('account.low_balance').find(({ event }) => event.data['account_id'] === accountId),
    );
    expect(arrival.event.data).toEqual({
      account_id: accountId,
      balance: 3,
      threshold: 3,
      request_id: ids[1],
    });
    // Arrivals come in no order and may repeat: that it is told once is for the outbox to say.
    expect((await eventsAbout(tollgate, accountId)).toSorted()).toEqual([
      'account.low_balance',
      ...ids.map(() => 'request.settled'),
    ]);
  });

  it('tells it of the very request that crosses, also where many settle in one commit', async () => {
    const { secret, accountId } = await tollgate.newKey({}, 1_000n);
    await Promise.all(Array.from({ length: 10 }, () => ask(secret)));
    const { data } = (
      await eventually(() =>
        receiver.of('account.low_balance').find(({ event }) => event.data['account_id'] === accountId),
      )
    ).event;
    expect(data).toMatchObject({ balance: 3, threshold: 3 });
    const crossing = await receiver.next('request.settled', data['request_id'] as string);
    expect(crossing.event.data).toMatchObject({ balance: 3, credits: 1 });
  });

  it('tells it again after credits were added and taken back', async () => {
    const { accountId } = await tollgate.newKey({}, 200n);
    const accounts = tollgate.app.get(AccountAdminService);
    const posting = { accountId, reason: undefined, idempotencyKey: undefined };
    await accounts.post({ ...posting, type: 'purchase', amountHundredths: 500n });
    await accounts.post({ ...posting, type: 'correction', amountHundredths: -450n });
    const arrival = await eventually(() =>
      receiver.of('account.low_balance').find(({ event }) => event.data['account_id'] === accountId),
    );
    expect(arrival.event.data).toEqual({
      account_id: accountId,
      balance: 2.5,
      threshold: 3,
      request_id: null,
    });
  });

  it('tells once that a key was revoked', async () => {
    const key = await tollgate.newKey({ name: 'laptop' });
    const keys = tollgate.app.get(KeysService);
    await keys.revoke(key.id);
    await keys.revoke(key.id);
    expect(await eventsAbout(tollgate, key.id)).toEqual(['key.revoked']);
    const { event } = await eventually(() =>
      receiver.of('key.revoked').find((arrival) => arrival.event.data['key_id'] === key.id),
    );
    expect(event.data).toMatchObject({ account_id: key.accountId, name: 'laptop' });
  });

  it('writes an event exactly where a settlement is written', async () => {
    const key = await tollgate.newKey({}, 10_000n);
    await Promise.all(Array.from({ length: 5 }, () => ask(key.secret)));
    // Nothing is charged for it: released.
    upstream.on('one-credit', failure(400));
    const refused = await ask(key.secret);
    expect(refused.status).toBe(400);
    const { told, charged } = await toldAndCharged(tollgate);
    expect(charged.length).toBeGreaterThan(5);
    expect(told).toEqual(charged);
    expect(told).not.toContain(refused.headers.get('x-request-id'));
  });

  it('writes neither where their transaction fails after both', async () => {
    const { secret, accountId } = await tollgate.newKey({}, 1_000n);
    let broken = true;
    const breakFor = async (account: string | undefined): Promise<void> => {
      if (broken && account === accountId) throw new Error('broken');
    };
    tollgate.app.get(MoneyListeners, { strict: false }).add({
      charged: (_trx, requests) =>
        breakFor(requests.find((request) => request.accountId === accountId)?.accountId),
      posted: (_trx, step) => breakFor(step.accountId),
    });
    try {
      const unpaid = await ask(secret);
      expect(unpaid.status).toBeGreaterThanOrEqual(500);
      const correction = { accountId, type: 'correction', amountHundredths: -800n } as const;
      const posting = { ...correction, reason: undefined, idempotencyKey: undefined };
      await expect(tollgate.app.get(AccountAdminService).post(posting)).rejects.toThrow('broken');
      const { told, charged } = await toldAndCharged(tollgate);
      const requestId = unpaid.headers.get('x-request-id');
      expect(charged).not.toContain(requestId);
      expect(told).toEqual(charged);
      expect(await eventsAbout(tollgate, accountId)).toEqual([]);
    } finally {
      broken = false;
    }
  });
});

describe('webhooks whose receiver is away', () => {
  it('neither slow answers down nor lose events', async () => {
    const receiver = await WebhookReceiver.start();
    receiver.answers = [answers.silence];
    const tollgate = await start(receiver.env);
    try {
      // More than there are hands to wait for the silent receiver.
      const responses = await Promise.all(Array.from({ length: 40 }, () => tollgate.post(CHAT, ASK)));
      expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
      await eventually(() => receiver.arrivals.length >= 16, 'attempts that hang');
      const before = receiver.arrivals.length;
      // None of the hanging attempts has ended: an answer that waited for one would take 10 seconds.
      expect((await tollgate.post(CHAT, ASK)).status).toBe(200);
      expect(receiver.arrivals.length).toBe(before);
      expect((await toldAndCharged(tollgate)).told).toHaveLength(41);
    } finally {
      await tollgate.close();
      await receiver.close();
    }
  });

  it('do nothing where none is configured', async () => {
    const tollgate = await start({});
    try {
      await tollgate.post(CHAT, ASK);
      expect(await toldAndCharged(tollgate)).toMatchObject({ told: [], charged: [expect.any(String)] });
    } finally {
      await tollgate.close();
    }
  });
});

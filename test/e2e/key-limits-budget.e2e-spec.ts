import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { HoldMetadata } from '../../src/billing/hold-metadata.js';
import { HoldService } from '../../src/billing/hold.service.js';
import { SweeperService } from '../../src/billing/sweeper.service.js';
import { verifyLedger } from '../../src/billing/ledger-verify.js';
import { Clock } from '../../src/common/clock/clock.js';
import { Database } from '../../src/persistence/database.js';
import { AdminClient } from '../support/admin-client.js';
import { eventually } from '../support/eventually.js';
import { failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, Tollgate } from '../support/tollgate.js';

/** 100 completion tokens cost 0.005 USD, one credit; prompts are free, so a hold is exactly what is charged. */
const ONE_CREDIT_MODEL = `
  - id: test/one-credit
    context_length: 100000
    max_completion_tokens: 10000
    pricing: { prompt: "0", completion: "0.00005" }
    routes: [ { upstream: main, model: one-credit } ]
`;
const ASK = { model: 'test/one-credit', max_tokens: 100, messages: [{ role: 'user', content: 'hi' }] };
const FACTS: Omit<HoldMetadata, 'requestId' | 'accountId' | 'keyId'> = {
  clientRequestId: undefined,
  surface: 'qolaba',
  endpoint: 'chat',
  model: ASK.model,
  upstream: 'main',
  upstreamModel: 'one-credit',
  streamed: true,
  promptTokens: 1,
  price: { version: 'v1', promptPicoUsdPerToken: 0n, completionPicoUsdPerToken: 50_000_000n },
};
const CHAT = '/api/v1/chat/completions';

describe('the budget of a key', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl, ONE_CREDIT_MODEL) });
    admin = new AdminClient(tollgate);
    upstream.on('one-credit', (response, request) => {
      const usage = wireUsage(5, 100 * Number(request.body['n'] ?? 1));
      return request.body['stream'] === true
        ? sse(chatChunks('some text', { usage }))(response, request)
        : json(chatAnswer({ content: 'some text', usage }))(response, request);
    });
  });
  afterEach(async () => {
    await settled();
    // oxlint-disable-next-line jest/no-standalone-expect -- holds after every test
    expect(await verifyLedger(tollgate.app.get(Database).kysely)).toEqual([]);
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  const settled = () =>
    eventually(async () => {
      const open = await tollgate.app
        .get(Database)
        .kysely.selectFrom('holds')
        .select('request_id')
        .where('state', '=', 'open')
        .execute();
      return open.length === 0 && tollgate.openRequests === 0;
    }, 'no open hold');

  const budgetOf = async (id: string) => {
    const { body } = await admin.get(`/keys/${id}`);
    return { spent: body.budget_spent, held: body.budget_held };
  };

  it.each([
    { kind: 'whole', body: ASK, budget: 10, answers: 10 },
    { kind: 'streamed', body: { ...ASK, stream: true }, budget: 10, answers: 10 },
    { kind: 'n = 2', body: { ...ASK, n: 2 }, budget: 20, answers: 10 },
  ])(
    'S46: 200 parallel requests, $kind, on a budget for exactly 10 get exactly 10 answers',
    async ({ body, budget, answers }) => {
      const key = await admin.key({ budget, budget_period: 'month' });
      const responses = await Promise.all(
        Array.from({ length: 200 }, () => tollgate.post(CHAT, body, key.headers)),
      );
      const texts = await Promise.all(responses.map((response) => response.text()));
      const complete = responses.filter(({ status }, i) => status === 200 && !texts[i]?.includes('"error"'));
      expect(complete).toHaveLength(answers);
      const refused = responses.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(200 - answers);
      expect(JSON.parse(texts[responses.indexOf(refused[0]!)]!)).toMatchObject({
        error: {
          type: 'insufficient_quota',
          code: 'insufficient_quota',
          message: expect.stringMatching(
            /the budget of this API key .* It needs \d+ credits, and 0 are available/,
          ),
        },
      });
      expect(refused[0]?.headers.get('x-should-retry')).toBe('false');
      await settled();
      expect(await budgetOf(key.id)).toEqual({ spent: budget, held: 0 });
      // The account itself has plenty left.
      expect((await admin.get(`/accounts/${key.accountId}`)).body.available).toBe(1_000 - budget);
    },
  );

  it('is the key’s alone: another key of the same account spends on', async () => {
    const capped = await admin.key({ budget: 1 });
    const free = await admin.key({ account_id: capped.accountId });
    expect((await tollgate.post(CHAT, ASK, capped.headers)).status).toBe(200);
    expect((await tollgate.post(CHAT, ASK, capped.headers)).status).toBe(429);
    expect((await tollgate.post(CHAT, ASK, free.headers)).status).toBe(200);
  });

  it('of account and budget the smaller one counts', async () => {
    const poor = await admin.key({ account_id: await admin.account(1), budget: 50 });
    expect((await tollgate.post(CHAT, ASK, poor.headers)).status).toBe(200);
    const refused = await tollgate.post(CHAT, ASK, poor.headers);
    expect(await refused.json()).toMatchObject({
      error: {
        message: expect.stringMatching(/the available credits do not cover .* It needs 1 credits, and 0 are/),
      },
    });
    await settled();
    expect(await budgetOf(poor.id)).toEqual({ spent: 1, held: 0 });
  });

  it('a budget of 0 lets nothing through that costs anything', async () => {
    const key = await admin.key({ budget: 0 });
    const before = upstream.requests.length;
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(429);
    expect(upstream.requests).toHaveLength(before);
  });

  it('what a request did not use, or did not get, is given back to it', async () => {
    const key = await admin.key({ budget: 2 });
    upstream.enqueue(failure(500));
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(502);
    await settled();
    expect(await budgetOf(key.id)).toEqual({ spent: 0, held: 0 });
    upstream.enqueue(json(chatAnswer({ content: 'short', usage: wireUsage(5, 10) })));
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(200);
    await settled();
    expect(await budgetOf(key.id)).toEqual({ spent: 0.1, held: 0 });
  });

  it('an answer that the budget cannot pay for is cut to what it can, though the account has more', async () => {
    const key = await admin.key({ budget: 6 });
    upstream.enqueue(json(chatAnswer({ content: 'x'.repeat(4000), usage: wireUsage(5, 1000) })));
    const { max_tokens: _limit, ...unlimited } = ASK;
    const response = await tollgate.post(CHAT, unlimited, key.headers);
    expect(await response.json()).toMatchObject({
      usage: { total_credit: 6, completion_tokens: 600 },
      choices: [{ finish_reason: 'length' }],
    });
    expect(await budgetOf(key.id)).toEqual({ spent: 6, held: 0 });
  });

  it('a change holds from the next request on: raised, made smaller than what is spent, taken away', async () => {
    const key = await admin.key({ budget: 1 });
    const ask = async () => (await tollgate.post(CHAT, ASK, key.headers)).status;
    expect([await ask(), await ask()]).toEqual([200, 429]);
    await admin.patch(`/keys/${key.id}`, { budget: 3 });
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 429]);
    await admin.patch(`/keys/${key.id}`, { budget: 0.5 });
    expect(await ask()).toBe(429);
    expect(await budgetOf(key.id)).toEqual({ spent: 3, held: 0 });
    await admin.patch(`/keys/${key.id}`, { budget: null });
    expect(await ask()).toBe(200);
    await admin.patch(`/keys/${key.id}`, { budget: 4 });
    // What was spent without a budget is not counted.
    expect([await ask(), await ask()]).toEqual([200, 429]);
  });

  it('another period begins with nothing spent; the one before keeps its count', async () => {
    const key = await admin.key({ budget: 1, budget_period: 'total' });
    const ask = async () => (await tollgate.post(CHAT, ASK, key.headers)).status;
    expect([await ask(), await ask()]).toEqual([200, 429]);
    await admin.patch(`/keys/${key.id}`, { budget_period: 'day' });
    expect([await ask(), await ask()]).toEqual([200, 429]);
    await admin.patch(`/keys/${key.id}`, { budget_period: 'total' });
    expect(await ask()).toBe(429);
  });

  it('a request belongs to the period in which it began, and the next one begins with nothing spent', async () => {
    const key = await admin.key({ budget: 1, budget_period: 'day' });
    const gate = Promise.withResolvers<void>();
    upstream.enqueue((response, request) =>
      gate.promise.then(() => json(chatAnswer({ usage: wireUsage(5, 100) }))(response, request)),
    );
    const overnight = tollgate.post(CHAT, ASK, key.headers);
    await eventually(async () => (await budgetOf(key.id)).held === 1, 'a hold');
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(429);

    const clock = tollgate.app.get(Clock);
    const yesterday = new Date().toISOString().slice(0, 10);
    const tomorrow = jest.spyOn(clock, 'nowMs').mockImplementation(() => Date.now() + 86_400_000);
    try {
      expect(await budgetOf(key.id)).toEqual({ spent: 0, held: 0 });
      expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(200);
      gate.resolve();
      const answer = await overnight;
      expect(answer.status).toBe(200);
      const story = await admin.get(`/requests/${answer.headers.get('x-request-id')}`);
      expect(story.body.hold.budget_window).toBe(`day:${yesterday}`);
      expect(await budgetOf(key.id)).toEqual({ spent: 1, held: 0 });
      expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(429);
    } finally {
      tomorrow.mockRestore();
    }
    expect(await budgetOf(key.id)).toEqual({ spent: 1, held: 0 });
  });

  it('a hold grows no further than the budget', async () => {
    const key = await admin.key({ budget: 3 });
    const holds = tollgate.app.get(HoldService, { strict: false });
    const hold = { requestId: `req_${key.id}`, accountId: key.accountId, keyId: key.id };
    const budget = { limitHundredths: 300n, period: 'total' } as const;
    const size = { amountHundredths: 100n, leastHundredths: 100n };
    const extend = (amount: bigint) =>
      holds.extend({ ...hold, wantedHundredths: amount, neededHundredths: amount });
    expect(await holds.open({ metadata: { ...FACTS, ...hold }, ...size, budget })).toBe(100n);
    expect(await extend(200n)).toBe(200n);
    expect(await budgetOf(key.id)).toEqual({ spent: 0, held: 2 });
    expect(await extend(900n)).toBe(300n);
    expect(await extend(900n)).toBe(300n);
    expect(await budgetOf(key.id)).toEqual({ spent: 0, held: 3 });
    expect((await tollgate.post(CHAT, ASK, key.headers)).status).toBe(429);
    await releaseBy(hold.requestId);
  });

  /** As the sweeper does for a request that reached nobody. */
  async function releaseBy(requestId: string): Promise<void> {
    const { kysely } = tollgate.app.get(Database);
    await kysely
      .updateTable('holds')
      .set({ owner: 'a dead process' })
      .where('request_id', '=', requestId)
      .execute();
    await tollgate.app.get(SweeperService, { strict: false }).sweep(['a dead process']);
  }
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { AdminClient, type AdminAnswer } from '../support/admin-client.js';
import { eventually } from '../support/eventually.js';
import { failure, json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const CHAT = '/api/v1/chat/completions';
/** 22 prompt and 495 completion tokens cost 0.0012441 USD, 0.25 credits: Qolaba's published sample. */
const SAMPLE = wireUsage(22, 495);
const ASK = { model: MODEL, max_tokens: 500, messages: [{ role: 'user', content: 'hi' }] };

let upstream: FakeUpstream;
let tollgate: Tollgate;
let admin: AdminClient;

beforeAll(async () => {
  upstream = await FakeUpstream.start();
  tollgate = await Tollgate.start({ yaml: catalogueYaml(upstream.baseUrl) });
  admin = new AdminClient(tollgate);
  upstream.otherwise((response, request) =>
    request.body['stream'] === true
      ? sse(chatChunks('some text', { usage: SAMPLE }))(response, request)
      : json(chatAnswer({ content: 'some text', usage: SAMPLE }))(response, request),
  );
});
afterAll(async () => {
  await tollgate.close();
  await upstream.close();
});

/** Asks once; gives our id of the request. */
async function ask(headers: Record<string, string>, body: object = ASK): Promise<string> {
  const response = await tollgate.post(CHAT, body, headers);
  await response.text();
  return response.headers.get('x-request-id') ?? '';
}

describe('GET /admin/v1/ledger', () => {
  it('has every change of a balance, newest first, what was paid negative', async () => {
    const key = await admin.key({ account_id: await admin.account(10) });
    const request_id = await ask(key.headers);
    await admin.post(`/accounts/${key.accountId}/credits`, { amount: -1, reason: 'mistake' });
    const { body } = await admin.get(`/ledger?account_id=${key.accountId}`);
    expect(body.data).toEqual([
      expect.objectContaining({ type: 'correction', amount: -1, reason: 'mistake', key_id: null }),
      {
        object: 'ledger_entry',
        id: expect.stringMatching(/^le_[0-9a-f]{32}$/),
        type: 'settlement',
        amount: -0.25,
        created: expect.closeTo(Date.now() / 1000, -2),
        account_id: key.accountId,
        key_id: key.id,
        request_id,
        reason: null,
        price_version: expect.any(String),
        usage_source: 'upstream',
      },
      expect.objectContaining({ type: 'purchase', amount: 10, request_id: null }),
    ]);
    const sum = body.data.reduce((total: number, row: { amount: number }) => total + row.amount, 0);
    expect((await admin.get(`/accounts/${key.accountId}`)).body.balance).toBe(sum);
  });

  it('finds by key and by request, and nothing for those that are not', async () => {
    const one = await admin.key();
    const two = await admin.key({ account_id: one.accountId });
    const [first, second] = [await ask(one.headers), await ask(two.headers)];
    const requestsOf = async (query: string): Promise<string[]> =>
      (await admin.get(`/ledger?${query}`)).body.data.map((row: { request_id: string }) => row.request_id);
    expect(await requestsOf(`key_id=${one.id}`)).toEqual([first]);
    expect(await requestsOf(`key_id=${two.id}&account_id=${one.accountId}`)).toEqual([second]);
    expect(await requestsOf(`request_id=${second}`)).toEqual([second]);
    expect(await requestsOf(`request_id=${second}&key_id=${one.id}`)).toEqual([]);
    expect(await requestsOf(`key_id=${one.id}&account_id=${await admin.account(0)}`)).toEqual([]);
    expect(await requestsOf('key_id=key_none')).toEqual([]);
    expect(await requestsOf(`account_id=${encodeURIComponent("' or 1=1 --")}`)).toEqual([]);
  });

  it.each(['account', 'everything'])(
    'of %s, pages neither repeat nor skip an entry while others are posted',
    async (of) => {
      const account = await admin.account(0);
      for (let i = 1; i <= 9; i += 1) await admin.post(`/accounts/${account}/credits`, { amount: i });
      const seen: string[] = [];
      const amounts: number[] = [];
      let cursor = '';
      for (;;) {
        const filter = of === 'account' ? `account_id=${account}&` : '';
        const { body }: AdminAnswer = await admin.get(`/ledger?${filter}limit=4${cursor}`);
        for (const row of body.data) {
          seen.push(row.id);
          if (row.account_id === account && row.amount < 100) amounts.push(row.amount);
        }
        await admin.post(`/accounts/${account}/credits`, { amount: 100 });
        if (!body.has_more) break;
        cursor = `&cursor=${body.next_cursor}`;
      }
      expect(amounts).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1]);
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toEqual(seen.toSorted().toReversed());
    },
  );

  it('verify tells that all is well, and what differs when somebody has helped himself', async () => {
    const account = await admin.account(5);
    expect((await admin.get('/ledger/verify')).body).toEqual({
      object: 'ledger_verification',
      ok: true,
      differences: [],
    });
    const { kysely } = tollgate.app.get(Database);
    const setBalance = (balance: bigint) =>
      kysely
        .updateTable('account_balances')
        .set({ balance_hundredths: balance })
        .where('account_id', '=', account)
        .execute();
    await setBalance(900n);
    expect((await admin.get('/ledger/verify')).body).toEqual({
      object: 'ledger_verification',
      ok: false,
      differences: [
        { invariant: 'I1', account_id: account, request_id: null, message: 'balance 900, entries 500' },
      ],
    });
    await setBalance(500n);
  });
});

describe('GET /admin/v1/usage', () => {
  it.each([
    ['day', (): string => new Date().toISOString().slice(0, 10)],
    ['model', (): string => MODEL],
  ] as const)('sums requests by %s', async (group, value) => {
    const key = await admin.key();
    await ask(key.headers);
    await ask(key.headers, { ...ASK, stream: true });
    const { body } = await admin.get(`/usage?account_id=${key.accountId}&group_by=${group}`);
    expect(body).toEqual({
      object: 'list',
      data: [
        {
          object: 'usage',
          [group]: value(),
          requests: 2,
          prompt_tokens: 44,
          completion_tokens: 990,
          total_tokens: 1034,
          cost_usd: 0.0024882,
          credits: 0.5,
        },
      ],
      has_more: false,
      next_cursor: null,
    });
  });

  it('sums by key, in pages', async () => {
    const account_id = await admin.account();
    const keys = [];
    for (let i = 0; i < 3; i += 1) keys.push(await admin.key({ account_id }));
    for (const key of keys) await ask(key.headers);
    const first = (await admin.get(`/usage?account_id=${account_id}&group_by=key&limit=2`)).body;
    const rest = (
      await admin.get(`/usage?account_id=${account_id}&group_by=key&limit=2&cursor=${first.next_cursor}`)
    ).body;
    expect([first.has_more, rest.has_more]).toEqual([true, false]);
    const seen = [...first.data, ...rest.data].map((row: { key_id: string }) => row.key_id);
    expect(seen).toEqual(keys.map(({ id }) => id).toSorted());
  });

  it('counts from `from` up to, not including, `to`', async () => {
    const key = await admin.key();
    const requestId = await ask(key.headers);
    const at = Math.floor(((await tollgate.usageOf(requestId))?.createdAtMs ?? 0) / 1000);
    const countOf = async (from: number, to: number): Promise<number> =>
      (await admin.get(`/usage?account_id=${key.accountId}&from=${from}&to=${to}`)).body.data[0]?.requests ??
      0;
    expect(await countOf(at, at + 1)).toBe(1);
    expect(await countOf(at - 100, at)).toBe(0);
    expect(await countOf(at + 1, at + 100)).toBe(0);
  });

  it.each([
    ['group_by=account_id', 'group_by'],
    ['group_by=day;drop table accounts', 'group_by'],
    ['from=yesterday', 'from'],
    ['to=-1', 'to'],
    ['cursor=WyJtb2RlbCIsImEiXQ', 'cursor'],
    ['cursor=WyJkYXkiLCJhIl0', 'cursor'],
  ])('S36: refuses %s', async (query, param) => {
    const { status, body } = await admin.get(`/usage?${encodeURI(query)}`);
    expect([status, body.error.param]).toEqual([400, param]);
  });
});

describe('GET /admin/v1/requests/{id}', () => {
  it('tells the whole story of a request', async () => {
    const key = await admin.key({ budget: 100, budget_period: 'total' });
    const id = await ask(key.headers, { ...ASK, stream: true });
    const { status, body } = await admin.get(`/requests/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      object: 'request',
      id,
      client_request_id: null,
      created: expect.closeTo(Date.now() / 1000, -2),
      account_id: key.accountId,
      key_id: key.id,
      surface: 'qolaba',
      endpoint: 'chat',
      model: MODEL,
      chatbot: null,
      conversation: null,
      summary_for: null,
      route: { upstream: 'main', upstream_model: 'upstream-model' },
      failed_attempts: [],
      streamed: true,
      outcome: 'completed',
      finish_reason: 'stop',
      timings: { first_token_ms: expect.any(Number), duration_ms: expect.any(Number) },
      usage: {
        prompt_tokens: 22,
        cached_prompt_tokens: 0,
        completion_tokens: 495,
        reasoning_tokens: 0,
        total_tokens: 517,
        usage_source: 'upstream',
      },
      price: {
        version: expect.any(String),
        prompt: '0.0000003',
        completion: '0.0000025',
        input_cache_read: null,
        service_tier: null,
        web_search: null,
        audio_prompt: null,
        audio_completion: null,
        source: 'config',
        effective_from: expect.any(Number),
      },
      cost_usd: 0.0012441,
      credits: 0.25,
      hold: {
        state: 'settled',
        amount: expect.any(Number),
        budget_window: 'total',
        events: [
          { event: 'opened', amount: expect.any(Number), created: expect.any(Number) },
          { event: 'settled', amount: 0.25, created: expect.any(Number) },
        ],
      },
      ledger: [expect.objectContaining({ type: 'settlement', amount: -0.25, request_id: id })],
    });
    expect(body.hold.amount).toBeGreaterThanOrEqual(0.25);
    expect(body.hold.events[0].amount).toBe(body.hold.amount);
  });

  it('of a request that failed: what was held and given back, and that it cost nothing', async () => {
    const key = await admin.key();
    upstream.enqueue(failure(500));
    const id = await ask(key.headers);
    const story = await eventually(async () => {
      const { body } = await admin.get(`/requests/${id}`);
      return body.outcome === 'in_progress' ? undefined : body;
    });
    expect(story).toMatchObject({
      outcome: 'upstream_failed',
      credits: 0,
      cost_usd: 0,
      hold: { state: 'released', events: [{ event: 'opened' }, { event: 'released' }] },
      ledger: [],
    });
  });

  it('of a request that is under way: what is held for it', async () => {
    const key = await admin.key();
    const gate = Promise.withResolvers<void>();
    upstream.enqueue((response, request) =>
      gate.promise.then(() => json(chatAnswer({ usage: SAMPLE }))(response, request)),
    );
    const asked = ask(key.headers);
    const account = await eventually(async () => {
      const { body } = await admin.get(`/accounts/${key.accountId}`);
      return body.held > 0 ? body : undefined;
    }, 'a hold');
    expect(account.available).toBeCloseTo(account.balance - account.held, 6);
    const { kysely } = tollgate.app.get(Database);
    const hold = await kysely
      .selectFrom('holds')
      .select('request_id')
      .where('key_id', '=', key.id)
      .executeTakeFirstOrThrow();
    const { body } = await admin.get(`/requests/${hold.request_id}`);
    expect(body).toMatchObject({
      outcome: 'in_progress',
      usage: null,
      credits: 0,
      timings: { first_token_ms: null, duration_ms: null },
      hold: { state: 'open', amount: account.held, events: [{ event: 'opened' }] },
      ledger: [],
    });
    // A correction must leave what is held for those under way.
    const tooMuch = { amount: -(account.available + 0.01) };
    const refused = await admin.post(`/accounts/${key.accountId}/credits`, tooMuch);
    expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict']);
    const justEnough = { amount: -Number(account.available.toFixed(2)) };
    const taken = await admin.post(`/accounts/${key.accountId}/credits`, justEnough);
    expect(taken.body).toMatchObject({ available: 0, balance: account.held });
    gate.resolve();
    expect(await asked).toBe(hold.request_id);
  });

  it('by the caller’s own X-Request-Id, the newest one with it', async () => {
    const key = await admin.key();
    const own = { ...key.headers, 'x-request-id': `mine-${key.id}` };
    await ask(own);
    await ask(own, { ...ASK, stream: true });
    const { body } = await admin.get(`/requests/mine-${key.id}`);
    expect(body).toMatchObject({ client_request_id: `mine-${key.id}`, streamed: true });
    expect(body.id).toMatch(/^req_/);
  });

  it.each(['req_none', '%00', 'a%2fb', 'x'.repeat(200)])('knows no request %s', async (id) => {
    const { status, body } = await admin.get(`/requests/${id}`);
    expect([status, body.error.code]).toEqual([404, 'not_found']);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { OpenApiJudge, type OpenApi } from '../support/openapi-document.js';
import { Tollgate } from '../support/tollgate.js';

const ASK = { model: 'sandbox/echo', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] };
const BASES = ['/v1', '/api/v1', '/api/public/v1/openai'];

describe('what a key may ask about itself', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;
  let judge: OpenApiJudge;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
    const document = await (await fetch(`${tollgate.origin}/openapi.json`)).json();
    judge = new OpenApiJudge(document as OpenApi);
  });
  afterAll(() => tollgate.close());

  /** Asks the sandbox; gives our id of the request and what it cost. */
  async function ask(headers: Record<string, string>): Promise<{ id: string; credits: number }> {
    const response = await tollgate.post('/api/v1/chat/completions', ASK, headers);
    const { usage } = (await response.json()) as { usage: { total_credit: number } };
    return { id: response.headers.get('x-request-id') ?? '', credits: usage.total_credit };
  }

  async function getJson(path: string, headers: Record<string, string>) {
    const response = await tollgate.get(path, headers);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  it.each(BASES)('tells the credits of its account, used ones too, at %s', async (base) => {
    const key = await admin.key({ account_id: await admin.account(10) });
    await admin.post(`/accounts/${key.accountId}/credits`, { amount: 2.5, type: 'grant' });
    await admin.post(`/accounts/${key.accountId}/credits`, { amount: -1.25 });
    const used = (await ask(key.headers)).credits + (await ask(key.headers)).credits;
    expect(used).toBeGreaterThan(0);
    const { status, body } = await getJson(`${base}/credits`, key.headers);
    expect([status, body]).toEqual([
      200,
      {
        object: 'credits',
        balance: expect.closeTo(11.25 - used, 9),
        held: 0,
        available: expect.closeTo(11.25 - used, 9),
        total_used: expect.closeTo(used, 9),
      },
    ]);
    const operation = judge.operation('get', `${base}/credits`);
    expect(judge.faultsOf(operation, 200, 'application/json', body)).toEqual([]);
  });

  it.each(BASES)('tells the story of its own requests, at %s', async (base) => {
    const key = await admin.key();
    const { id, credits } = await ask(key.headers);
    const { status, body } = await getJson(`${base}/requests/${id}`, key.headers);
    expect([status, body]).toEqual([
      200,
      expect.objectContaining({ id, key_id: key.id, credits, outcome: 'completed', model: ASK.model }),
    ]);
    expect(body).toEqual((await admin.get(`/requests/${id}`)).body);
    const operation = judge.operation('get', `${base}/requests/{request_id}`);
    expect(judge.faultsOf(operation, 200, 'application/json', body)).toEqual([]);
  });

  it.each(BASES)('S33: a request of another account does not exist, at %s', async (base) => {
    const [mine, theirs] = [await admin.key(), await admin.key()];
    const own = { ...theirs.headers, 'x-request-id': `theirs-${theirs.id}` };
    const { id } = await ask(theirs.headers);
    await ask(own);
    const answers = [
      await getJson(`${base}/requests/${id}`, mine.headers),
      await getJson(`${base}/requests/theirs-${theirs.id}`, mine.headers),
      await getJson(`${base}/requests/req_${'0'.repeat(32)}`, mine.headers),
    ];
    // Not to be told from one that never was.
    for (const { status, body } of answers) expect([status, body]).toEqual([404, answers[2]?.body]);
    expect((await getJson(`${base}/requests/${id}`, theirs.headers)).status).toBe(200);
  });

  it('S33: another key of the same account may know', async () => {
    const one = await admin.key();
    const two = await admin.key({ account_id: one.accountId });
    const { id } = await ask(one.headers);
    expect((await getJson(`/v1/requests/${id}`, two.headers)).body).toMatchObject({ id, key_id: one.id });
  });

  it('S33: the caller’s own X-Request-Id finds the caller’s own request, whoever else used it', async () => {
    const [mine, theirs] = [await admin.key(), await admin.key()];
    const shared = { 'x-request-id': 'order-1' };
    await ask({ ...mine.headers, ...shared });
    await ask({ ...theirs.headers, ...shared });
    expect((await getJson('/v1/requests/order-1', mine.headers)).body).toMatchObject({
      account_id: mine.accountId,
      client_request_id: 'order-1',
    });
  });

  it('S33: no parameter makes it another account', async () => {
    const [mine, theirs] = [await admin.key({ account_id: await admin.account(3) }), await admin.key()];
    for (const query of [`account_id=${theirs.accountId}`, `key_id=${theirs.id}`]) {
      expect((await getJson(`/v1/credits?${query}`, mine.headers)).body).toMatchObject({ balance: 3 });
    }
  });

  it('a request that was refused before anything was held for it has no story', async () => {
    const key = await admin.key({ account_id: await admin.account(0) });
    const response = await tollgate.post('/api/v1/chat/completions', ASK, key.headers);
    expect(response.status).toBe(429);
    const id = response.headers.get('x-request-id');
    expect((await getJson(`/v1/requests/${id}`, key.headers)).status).toBe(404);
  });

  it.each(BASES)('needs a key, and refuses other methods, at %s', async (base) => {
    for (const path of [`${base}/credits`, `${base}/requests/req_1`]) {
      expect((await tollgate.get(path, { authorization: undefined })).status).toBe(401);
      expect((await tollgate.request('DELETE', path)).status).toBe(405);
    }
  });
});

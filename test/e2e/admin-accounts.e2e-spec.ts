import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { Tollgate } from '../support/tollgate.js';

describe('/admin/v1/accounts', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
  });
  afterAll(() => tollgate.close());

  const balanceOf = async (id: string): Promise<number> => (await admin.get(`/accounts/${id}`)).body.balance;

  it('creates an account with nothing on it, and tells it again', async () => {
    const created = await admin.post('/accounts', { name: 'Ada & Söhne' });
    expect(created.status).toBe(200);
    expect(created.body).toEqual({
      object: 'account',
      id: expect.stringMatching(/^acct_[0-9a-f]{24}$/),
      name: 'Ada & Söhne',
      status: 'active',
      balance: 0,
      held: 0,
      available: 0,
      conversation_retention_days: null,
      max_stored_bytes: null,
      max_conversations: null,
      max_stored_completions: null,
      max_chatbots: null,
      max_chatbot_versions: null,
      max_kept_answer_bytes: null,
      storage: {
        stored_bytes: { used: 0, limit: 2 ** 28 },
        conversations: { used: 0, limit: 10_000 },
        stored_completions: { used: 0, limit: 10_000 },
        chatbots: { used: 0, limit: 1_000 },
        chatbot_versions: { limit: 100 },
        kept_answer_bytes: { used: 0, limit: 2 ** 30 },
      },
      created: expect.closeTo(Date.now() / 1000, -2),
      version: 1,
    });
    expect((await admin.get(`/accounts/${created.body.id}`)).body).toEqual(created.body);
  });

  it.each([
    [100, 100],
    [0.01, 0.01],
    [1.1, 1.1],
    [8_589_934_592.55, 8_589_934_592.55],
    [1e12, 1e12],
  ])('posts %d credits exactly', async (amount, balance) => {
    const id = await admin.account(0);
    const { status, body } = await admin.post(`/accounts/${id}/credits`, { amount, reason: 'order 17' });
    expect([status, body.balance, body.available]).toEqual([200, balance, balance]);
    const ledger = await admin.get(`/ledger?account_id=${id}`);
    expect(ledger.body.data).toEqual([
      expect.objectContaining({ type: 'purchase', amount, reason: 'order 17', request_id: null }),
    ]);
  });

  it.each([
    [{ amount: 0.001 }, "Invalid 'amount': expected a number with at most two decimals."],
    [{ amount: 1e-7 }, "Invalid 'amount': expected a number with at most two decimals."],
    [{ amount: 0 }, "Invalid 'amount': expected a number other than 0."],
    [{ amount: -1, type: 'grant' }, "Invalid 'amount': only a correction may be negative, not a grant."],
    [{ amount: '10' }, "Invalid type for 'amount': expected a decimal, but got a string instead."],
    [{ amount: 1e13 }, /^Invalid 'amount': decimal above maximum value\./],
    [{ amount: null }, /'amount'/],
    [{ amount: 1, reason: 'a\u0000b' }, /^Invalid 'reason'/],
    [{ amount: 1, type: 'settlement' }, /^Invalid value: 'settlement'\. Supported values are/],
  ])('refuses credits %j in the words of every validation', async (body, message) => {
    const id = await admin.account(0);
    const { status, body: answer } = await admin.post(`/accounts/${id}/credits`, body);
    expect([status, answer.error.type]).toEqual([400, 'invalid_request_error']);
    expect(answer.error.message).toMatch(message);
    expect(await balanceOf(id)).toBe(0);
  });

  it('a negative amount is a correction, never below zero', async () => {
    const id = await admin.account(10);
    expect((await admin.post(`/accounts/${id}/credits`, { amount: -4.5 })).body.balance).toBe(5.5);
    const refused = await admin.post(`/accounts/${id}/credits`, { amount: -5.51 });
    expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict']);
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect((await admin.post(`/accounts/${id}/credits`, { amount: -5.5 })).body.balance).toBe(0);
    const { data } = (await admin.get(`/ledger?account_id=${id}`)).body;
    expect(data.map((row: { type: string; amount: number }) => [row.type, row.amount])).toEqual([
      ['correction', -5.5],
      ['correction', -4.5],
      ['purchase', 10],
    ]);
  });

  it('an Idempotency-Key posts once, also 20 times at once; another amount under it is a conflict', async () => {
    const id = await admin.account(0);
    const key = { 'idempotency-key': 'order-4711' };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => admin.post(`/accounts/${id}/credits`, { amount: 7 }, key)),
    );
    expect(answers.map(({ status, body }) => [status, body.balance])).toEqual(
      Array.from({ length: 20 }, () => [200, 7]),
    );
    expect((await admin.get(`/ledger?account_id=${id}`)).body.data).toHaveLength(1);
    const other = await admin.post(`/accounts/${id}/credits`, { amount: 8 }, key);
    expect([other.status, other.body.error.code]).toEqual([409, 'conflict']);
    const elsewhere = await admin.account(0);
    expect((await admin.post(`/accounts/${elsewhere}/credits`, { amount: 8 }, key)).body.balance).toBe(8);
  });

  it('refuses an Idempotency-Key that is none', async () => {
    const id = await admin.account(0);
    const long = { 'idempotency-key': 'x'.repeat(256) };
    expect((await admin.post(`/accounts/${id}/credits`, { amount: 1 }, long)).status).toBe(400);
    expect(await balanceOf(id)).toBe(0);
  });

  it('a PATCH changes only what is sent, and raises the version', async () => {
    const id = await admin.account(3);
    const renamed = await admin.patch(`/accounts/${id}`, { name: 'new' });
    expect(renamed.body).toMatchObject({ name: 'new', status: 'active', balance: 3, version: 2 });
    const nothing = await admin.patch(`/accounts/${id}`, {});
    expect(nothing.body).toMatchObject({ name: 'new', version: 3 });
  });

  it.each(['name', 'status'])('a PATCH takes no null for %s, which has no default', async (field) => {
    const id = await admin.account(0);
    const { body: before } = await admin.get(`/accounts/${id}`);
    const fields = { conversation_retention_days: 3, [field]: null };
    const { status, body } = await admin.patch(`/accounts/${id}`, fields);
    expect([status, body.error.param]).toEqual([400, field]);
    expect((await admin.get(`/accounts/${id}`)).body).toEqual(before);
  });

  it.each([
    ['version', (version: number) => [{ name: 'b', version }, {}] as const],
    ['If-Match', (version: number) => [{ name: 'b' }, { 'if-match': `"${version}"` }] as const],
  ])('of two changes that read the same %s, one is told of the conflict', async (_by, change) => {
    const id = await admin.account(0);
    const [body, headers] = change(1);
    const answers = await Promise.all([
      admin.patch(`/accounts/${id}`, body, headers),
      admin.patch(`/accounts/${id}`, body, headers),
    ]);
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 409]);
    const conflict = answers.find(({ status }) => status === 409);
    expect(conflict?.body.error).toMatchObject({ code: 'conflict', param: 'version' });
    expect(conflict?.headers.get('x-should-retry')).toBe('false');
    expect((await admin.get(`/accounts/${id}`)).body.version).toBe(2);
  });

  it.each<Record<string, unknown>>([
    { credits: 1e9 },
    { constructor: { prototype: { balance: 1 } } },
    { role: 'admin' },
  ])('S35: no account is made with a field that accounts do not have: %j', async (field) => {
    const answer = await admin.post('/accounts', { name: 'greedy', ...field });
    expect([answer.status, answer.body.error.code]).toEqual([400, 'unknown_parameter']);
    expect(({} as { balance?: number }).balance).toBeUndefined();
  });

  it('S35: fields that an account only shows change nothing', async () => {
    const { body } = await admin.post('/accounts', {
      name: 'greedy',
      id: 'acct_mine',
      balance: 1e9,
      version: 99,
    });
    expect(body).toMatchObject({ balance: 0, version: 1 });
    expect(body.id).not.toBe('acct_mine');
    const patched = await admin.patch(`/accounts/${body.id}`, {
      name: 'x',
      balance: 5,
      created: 1,
      held: -5,
    });
    expect(patched.body).toMatchObject({ balance: 0, held: 0, created: body.created });
  });

  it.each(['/accounts/acct_none', '/accounts/%00', '/accounts/..%2fkeys', `/accounts/${'a'.repeat(500)}`])(
    'knows no account at %s',
    async (path) => {
      for (const answer of [
        await admin.get(path),
        await admin.patch(path, { name: 'x' }),
        await admin.post(`${path}/credits`, { amount: 1 }),
      ]) {
        expect([answer.status, answer.body.error.code]).toEqual([404, 'not_found']);
      }
    },
  );

  it('tells and changes how long conversations are kept', async () => {
    const { body } = await admin.post('/accounts', { name: 'test', conversation_retention_days: 30 });
    expect(body.conversation_retention_days).toBe(30);
    const path = `/accounts/${body.id}`;
    const changed = await admin.patch(path, { conversation_retention_days: 0 });
    expect(changed.body).toMatchObject({ conversation_retention_days: 0, version: 2, name: 'test' });
    expect((await admin.patch(path, { name: 'other' })).body.conversation_retention_days).toBe(0);
    const cleared = await admin.patch(path, { conversation_retention_days: null });
    expect(cleared.body.conversation_retention_days).toBeNull();
    expect((await admin.get(path)).body).toEqual(cleared.body);
    for (const days of [-1, 0.5, '7', 36_501]) {
      const refused = await admin.patch(path, { conversation_retention_days: days });
      expect([refused.status, refused.body.error.param]).toEqual([400, 'conversation_retention_days']);
    }
  });

  it('erases the conversations of an account, and of no other', async () => {
    const [mine, theirs] = [await admin.key(), await admin.key()];
    const begin = ({ secret }: { secret: string }) =>
      tollgate.post('/v1/conversations', {}, { authorization: `Bearer ${secret}` });
    await begin(mine);
    await begin(mine);
    const other = (await (await begin(theirs)).json()) as { id: string };
    expect((await admin.delete(`/accounts/${mine.accountId}/conversations`)).body).toEqual({
      object: 'account.conversations.erased',
      id: mine.accountId,
      erased: 2,
    });
    expect((await admin.delete(`/accounts/${mine.accountId}/conversations`)).body.erased).toBe(0);
    const found = await tollgate.get(`/v1/conversations/${other.id}`, {
      authorization: `Bearer ${theirs.secret}`,
    });
    expect(found.status).toBe(200);
    const unknown = await admin.delete('/accounts/acct_000000000000000000000000/conversations');
    expect([unknown.status, unknown.body.error.code]).toEqual([404, 'not_found']);
  });

  it('a suspended account is refused everything at once, and let in again', async () => {
    const key = await admin.key();
    expect((await tollgate.get('/v1/models', key.headers)).status).toBe(200);
    await admin.patch(`/accounts/${key.accountId}`, { status: 'suspended' });
    const refused = await tollgate.get('/v1/models', key.headers);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: { code: 'account_suspended', message: expect.stringContaining('is suspended') },
    });
    await admin.patch(`/accounts/${key.accountId}`, { status: 'active' });
    expect((await tollgate.get('/v1/models', key.headers)).status).toBe(200);
  });

  it('lists all, newest first, in pages that inserts neither repeat nor hide', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.push(await admin.account(0));
    const seen: string[] = [];
    let cursor = '';
    for (;;) {
      const { status, body } = await admin.get(`/accounts?limit=2${cursor}`);
      expect([status, body.object]).toEqual([200, 'list']);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      // Between any two pages somebody opens an account.
      await admin.account(0);
      expect(body.next_cursor === null).toBe(!body.has_more);
      if (!body.has_more) break;
      cursor = `&cursor=${body.next_cursor}`;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(ids));
    const { body } = await admin.get('/accounts?limit=100');
    expect(body.data.length).toBeLessThanOrEqual(100);
    const times = body.data.map(({ created }: { created: number }) => created);
    expect(times).toEqual(times.toSorted((a: number, b: number) => b - a));
  });

  it.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=ten', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['cursor=abc', 'cursor'],
    ['cursor=WzEsIicgb3IgMT0xIC0tIl0', 'cursor'],
    ['cursor=W10', 'cursor'],
    ['cursor=bnVsbA', 'cursor'],
  ])('S36: refuses %s', async (query, param) => {
    const { status, body } = await admin.get(`/accounts?${query}`);
    expect([status, body.error.param, body.error.type]).toEqual([400, param, 'invalid_request_error']);
  });
});

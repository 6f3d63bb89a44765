import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { Tollgate } from '../support/tollgate.js';

describe('/admin/v1/keys', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
  });
  afterAll(() => tollgate.close());

  const statusWith = async (secret: string): Promise<number> =>
    (await tollgate.get('/v1/models', { authorization: `Bearer ${secret}` })).status;

  const ALL_FIELDS = {
    rpm: 60,
    tpm: 100_000,
    max_concurrency: 4,
    models: ['sandbox/echo'],
    budget: 12.34,
    budget_period: 'month',
    expires_at: 4_000_000_000,
    allowed_ips: ['127.0.0.0/8', '::1'],
    manage_chatbots: true,
    read_conversations: false,
  };

  it('creates a key that works, and shows its secret once', async () => {
    const account_id = await admin.account(5);
    const { status, body } = await admin.post('/keys', { account_id, name: 'ci', ...ALL_FIELDS });
    const { key, ...rest } = body;
    expect(status).toBe(200);
    expect(key).toMatch(/^sk-tg-[\w-]{43}$/);
    expect(rest).toEqual({
      object: 'api_key',
      id: expect.stringMatching(/^key_[0-9a-f]{24}$/),
      account_id,
      name: 'ci',
      prefix: key.slice(0, 10),
      status: 'active',
      ...ALL_FIELDS,
      budget_spent: 0,
      budget_held: 0,
      created: expect.closeTo(Date.now() / 1000, -2),
      revoked_at: null,
      previous_secret_valid_until: null,
      version: 1,
    });
    expect((await admin.get(`/keys/${rest.id}`)).body).toEqual(rest);
    const listed = await admin.get(`/keys?account_id=${account_id}`);
    expect(listed.body).toEqual({ object: 'list', data: [rest], has_more: false, next_cursor: null });
    expect(await statusWith(key)).toBe(200);
  });

  it('a key with nothing but a name has the limits of the house', async () => {
    const { id } = await admin.key();
    expect((await admin.get(`/keys/${id}`)).body).toMatchObject({
      rpm: null,
      tpm: null,
      max_concurrency: null,
      models: null,
      budget: null,
      budget_period: 'total',
      expires_at: null,
      allowed_ips: null,
      manage_chatbots: false,
      read_conversations: true,
    });
  });

  it.each([
    [{ account_id: 'acct_none' }, 404, null],
    [{ account_id: undefined }, 400, 'account_id'],
    [{ name: '' }, 400, 'name'],
    [{ name: 'a\nb' }, 400, 'name'],
    [{ rpm: 0 }, 400, 'rpm'],
    [{ rpm: 1.5 }, 400, 'rpm'],
    [{ rpm: '60' }, 400, 'rpm'],
    [{ tpm: 2 ** 31 }, 400, 'tpm'],
    [{ max_concurrency: 0 }, 400, 'max_concurrency'],
    [{ models: 'sandbox/echo' }, 400, 'models'],
    [{ models: [''] }, 400, 'models[0]'],
    [{ budget: -1 }, 400, 'budget'],
    [{ budget: 0.001 }, 400, 'budget'],
    [{ budget_period: 'year' }, 400, 'budget_period'],
    [{ expires_at: '2030-01-01' }, 400, 'expires_at'],
    [{ manage_chatbots: 'true' }, 400, 'manage_chatbots'],
    [{ read_conversations: 1 }, 400, 'read_conversations'],
    [{ allowed_ips: ['10.0.0.0/33'] }, 400, 'allowed_ips[0]'],
    [{ allowed_ips: ['10.0.0.1', 'localhost'] }, 400, 'allowed_ips[1]'],
  ])('refuses a key with %j', async (fields, status, param) => {
    const account_id = await admin.account(0);
    const answer = await admin.post('/keys', { account_id, name: 'test', ...fields });
    expect([answer.status, answer.body.error.param]).toEqual([status, param]);
    expect((await admin.get(`/keys?account_id=${account_id}`)).body.data).toEqual([]);
  });

  it.each([{ key: 'sk-tg-chosen' }, { secret_sha256: 'a'.repeat(64) }, { role: 'admin' }])(
    'S35: no key is made or changed with a field that keys do not have: %j',
    async (field) => {
      const { id, accountId: account_id } = await admin.key();
      for (const answer of [
        await admin.post('/keys', { account_id, name: 'greedy', ...field }),
        await admin.patch(`/keys/${id}`, field),
      ]) {
        expect([answer.status, answer.body.error.code]).toEqual([400, 'unknown_parameter']);
      }
    },
  );

  it('S35: fields that a key only shows change nothing', async () => {
    const account_id = await admin.account(0);
    const { body } = await admin.post('/keys', {
      account_id,
      name: 'greedy',
      id: 'key_mine',
      budget_spent: -100,
      version: 9,
      revoked_at: 1,
    });
    expect(body).toMatchObject({ status: 'active', budget_spent: 0, version: 1, revoked_at: null });
    expect(body.id).not.toBe('key_mine');
    const other = await admin.account(0);
    const patched = await admin.patch(`/keys/${body.id}`, { account_id: other, name: 'x' });
    expect(patched.body).toMatchObject({ account_id, name: 'x' });
  });

  it('a PATCH changes what is sent, null takes a limit away, and the rest stays', async () => {
    const { id } = await admin.key(ALL_FIELDS);
    const { body: before } = await admin.get(`/keys/${id}`);
    const { body: one } = await admin.patch(`/keys/${id}`, { rpm: 90 });
    expect(one).toEqual({ ...before, rpm: 90, version: 2 });
    const cleared = {
      rpm: null,
      tpm: null,
      max_concurrency: null,
      models: null,
      budget: null,
      expires_at: null,
      allowed_ips: null,
    };
    const rights = { manage_chatbots: false, read_conversations: true };
    const nothing = { budget_period: null, manage_chatbots: null, read_conversations: null };
    const { body: none } = await admin.patch(`/keys/${id}`, { ...cleared, ...nothing });
    expect(none).toEqual({ ...before, ...cleared, ...rights, version: 3 });
    const { body: back } = await admin.patch(`/keys/${id}`, ALL_FIELDS);
    expect(back).toEqual({ ...before, version: 4 });
  });

  it('a PATCH takes no null for the name, which has no default', async () => {
    const { id } = await admin.key();
    const { body: before } = await admin.get(`/keys/${id}`);
    const { status, body } = await admin.patch(`/keys/${id}`, { rpm: 5, name: null });
    expect([status, body.error.param]).toEqual([400, 'name']);
    expect((await admin.get(`/keys/${id}`)).body).toEqual(before);
  });

  it('of many changes that read the same version one wins, and none is lost unseen', async () => {
    const { id } = await admin.key();
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => admin.patch(`/keys/${id}`, { rpm: i + 1, version: 1 })),
    );
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(9);
    expect((await admin.get(`/keys/${id}`)).body).toMatchObject({ rpm: won[0]?.body.rpm, version: 2 });
    const stale = await admin.patch(`/keys/${id}`, { rpm: 5 }, { 'if-match': '"1"' });
    expect([stale.status, stale.headers.get('x-should-retry')]).toEqual([409, 'false']);
    expect((await admin.patch(`/keys/${id}`, { rpm: 5 }, { 'if-match': 'nonsense' })).status).toBe(409);
    expect((await admin.patch(`/keys/${id}`, { rpm: 5 }, { 'if-match': '*' })).status).toBe(200);
  });

  it('changes without a version, of different fields at once, all hold', async () => {
    const { id } = await admin.key();
    await Promise.all([
      admin.patch(`/keys/${id}`, { rpm: 11 }),
      admin.patch(`/keys/${id}`, { tpm: 22 }),
      admin.patch(`/keys/${id}`, { max_concurrency: 33 }),
    ]);
    expect((await admin.get(`/keys/${id}`)).body).toMatchObject({
      rpm: 11,
      tpm: 22,
      max_concurrency: 33,
      version: 4,
    });
  });

  it('a revoked key is refused from the next request on, for good', async () => {
    const { id, secret } = await admin.key();
    expect(await statusWith(secret)).toBe(200);
    const revoked = await admin.delete(`/keys/${id}`);
    expect(revoked.body).toMatchObject({ status: 'revoked', revoked_at: expect.any(Number) });
    expect(await statusWith(secret)).toBe(401);
    expect((await admin.delete(`/keys/${id}`)).body).toEqual(revoked.body);
    for (const answer of [
      await admin.patch(`/keys/${id}`, { name: 'x' }),
      await admin.post(`/keys/${id}/rotate`),
    ]) {
      expect([answer.status, answer.body.error.code]).toEqual([409, 'conflict']);
    }
  });

  it('a rotated key works with both secrets until the overlap has passed', async () => {
    const { id, secret } = await admin.key();
    const { body } = await admin.post(`/keys/${id}/rotate`, { overlap_seconds: 3_600 });
    expect(body).toMatchObject({ id, version: 2, prefix: body.key.slice(0, 10) });
    expect(body.previous_secret_valid_until).toBeGreaterThan(Date.now() / 1000 + 3_500);
    expect([await statusWith(secret), await statusWith(body.key)]).toEqual([200, 200]);
    // The next rotation ends what an earlier one has replaced.
    const { body: next } = await admin.post(`/keys/${id}/rotate`, { overlap_seconds: 3_600 });
    expect([await statusWith(secret), await statusWith(body.key), await statusWith(next.key)]).toEqual([
      401, 200, 200,
    ]);
    await admin.delete(`/keys/${id}`);
    expect([await statusWith(body.key), await statusWith(next.key)]).toEqual([401, 401]);
  });

  it('a key that is rotated without overlap works with its new secret only, from the next request on', async () => {
    const { id, secret } = await admin.key();
    expect(await statusWith(secret)).toBe(200);
    const { body } = await admin.request('POST', `/keys/${id}/rotate`);
    expect(body.previous_secret_valid_until).toBeNull();
    expect([await statusWith(secret), await statusWith(body.key)]).toEqual([401, 200]);
  });

  it.each(['/keys/key_none', '/keys/%00', '/keys/%27%20or%201=1'])('knows no key at %s', async (path) => {
    for (const answer of [
      await admin.get(path),
      await admin.patch(path, { name: 'x' }),
      await admin.delete(path),
      await admin.post(`${path}/rotate`),
    ]) {
      expect([answer.status, answer.body.error.code]).toEqual([404, 'not_found']);
    }
  });

  it('lists the keys of one account in pages, newest first, whatever is added meanwhile', async () => {
    const account_id = await admin.account(0);
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push((await admin.key({ account_id })).id);
    const first = await admin.get(`/keys?account_id=${account_id}&limit=3`);
    await admin.key({ account_id });
    const rest = await admin.get(`/keys?account_id=${account_id}&limit=3&cursor=${first.body.next_cursor}`);
    const seen = [...first.body.data, ...rest.body.data].map(({ id }: { id: string }) => id);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect([first.body.has_more, rest.body.has_more]).toEqual([true, false]);
    expect(JSON.stringify([first.body, rest.body])).not.toMatch(/sk-tg-[\w-]{10}|"key"|sha256/);
  });
});

describe('S34: who may call /admin/v1', () => {
  let tollgate: Tollgate;
  beforeAll(async () => {
    tollgate = await Tollgate.start({ env: { AUTH_FAILURES_PER_MINUTE: '100000' } });
  });
  afterAll(() => tollgate.close());

  const ROUTES = [
    ['GET', '/admin/v1/accounts'],
    ['POST', '/admin/v1/accounts'],
    ['GET', '/admin/v1/accounts/acct_1'],
    ['PATCH', '/admin/v1/accounts/acct_1'],
    ['POST', '/admin/v1/accounts/acct_1/credits'],
    ['GET', '/admin/v1/keys'],
    ['POST', '/admin/v1/keys'],
    ['GET', '/admin/v1/keys/key_1'],
    ['PATCH', '/admin/v1/keys/key_1'],
    ['DELETE', '/admin/v1/keys/key_1'],
    ['POST', '/admin/v1/keys/key_1/rotate'],
    ['GET', '/admin/v1/ledger'],
    ['GET', '/admin/v1/ledger/verify'],
    ['GET', '/admin/v1/usage'],
    ['GET', '/admin/v1/requests/req_1'],
  ] as const;

  it.each(ROUTES)('S34: %s %s needs the admin key, and no other', async (method, path) => {
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: '{}' };
    for (const headers of [
      {},
      { authorization: undefined },
      { authorization: undefined, 'x-api-key': tollgate.key },
      { authorization: 'Bearer admin-key-of-the-test' },
      { 'x-http-method-override': 'GET', 'x-original-url': '/health/live', 'x-rewrite-url': '/health/live' },
    ]) {
      const response = await tollgate.request(method, path, { ...body, headers });
      expect([headers, response.status]).toEqual([headers, 401]);
      expect(response.headers.has('access-control-allow-origin')).toBe(false);
      expect(Object.keys((await response.json()) as object)).toEqual(['error']);
    }
  });

  it('S34: a public path does not become an admin route by a header', async () => {
    const response = await tollgate.get('/v1/models', {
      'x-original-url': '/admin/v1/keys',
      'x-rewrite-url': '/admin/v1/keys',
    });
    expect(await response.json()).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ object: 'model' })]),
    });
    expect(response.headers.get('x-ratelimit-limit-requests')).not.toBeNull();
  });
});

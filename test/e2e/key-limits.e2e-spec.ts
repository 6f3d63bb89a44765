import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { Tollgate } from '../support/tollgate.js';

const CHAT = '/v1/chat/completions';
const ASK = { model: 'sandbox/echo', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] };

describe('limits that an operator gives a key', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
  });
  afterAll(() => tollgate.close());

  const ask = async (headers: Record<string, string>, body: object = ASK): Promise<number> =>
    (await tollgate.post(CHAT, body, headers)).status;

  it('rpm: refuses one more than its requests a minute, and holds a change at once', async () => {
    const { id, headers } = await admin.key({ rpm: 2 });
    expect([await ask(headers), await ask(headers), await ask(headers)]).toEqual([200, 200, 429]);
    await admin.patch(`/keys/${id}`, { rpm: null });
    expect(await ask(headers)).toBe(200);
  });

  it('tpm: refuses what is more than its tokens a minute, and holds a change at once', async () => {
    const { id, headers } = await admin.key({ tpm: 50 });
    expect(await ask(headers, { ...ASK, max_tokens: 40 })).toBe(200);
    expect(await ask(headers, { ...ASK, max_tokens: 49 })).toBe(429);
    await admin.patch(`/keys/${id}`, { tpm: 100_000 });
    expect(await ask(headers, { ...ASK, max_tokens: 49 })).toBe(200);
  });

  it('models: knows those on its list and refuses the others, and holds a change at once', async () => {
    const { id, headers } = await admin.key({ models: ['sandbox/chat'] });
    expect([await ask(headers), await ask(headers, { ...ASK, model: 'sandbox/chat' })]).toEqual([403, 200]);
    await admin.patch(`/keys/${id}`, { models: ['sandbox/echo'] });
    expect([await ask(headers), await ask(headers, { ...ASK, model: 'sandbox/chat' })]).toEqual([200, 403]);
    await admin.patch(`/keys/${id}`, { models: [] });
    expect(await ask(headers)).toBe(403);
  });

  it('expires_at: refuses the key from that moment on', async () => {
    const now = Math.floor(Date.now() / 1000);
    const { id, headers } = await admin.key({ expires_at: now + 3_600 });
    expect(await ask(headers)).toBe(200);
    await admin.patch(`/keys/${id}`, { expires_at: now - 1 });
    const refused = await tollgate.post(CHAT, ASK, headers);
    expect(refused.status).toBe(401);
    const when = new Date((now - 1) * 1000).toISOString();
    expect(await refused.json()).toMatchObject({
      error: { code: 'api_key_expired', message: expect.stringContaining(`expired at ${when}`) },
    });
    expect((await admin.get(`/keys/${id}`)).body.status).toBe('expired');
    await admin.patch(`/keys/${id}`, { expires_at: null });
    expect(await ask(headers)).toBe(200);
  });

  it('allowed_ips: refuses other addresses, on every route, and holds a change at once', async () => {
    const { id, headers } = await admin.key({ allowed_ips: ['203.0.113.0/24'] });
    const refused = await tollgate.post(CHAT, ASK, headers);
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({
      error: {
        message: expect.stringMatching(/from your address, 127\.0\.0\.1\..*allowed_ips/),
        type: 'invalid_request_error',
        code: 'address_not_allowed',
      },
    });
    expect((await tollgate.get('/v1/models', headers)).status).toBe(403);
    expect((await tollgate.get('/v1/credits', headers)).status).toBe(403);
    await admin.patch(`/keys/${id}`, { allowed_ips: ['203.0.113.0/24', '127.0.0.1'] });
    expect(await ask(headers)).toBe(200);
  });

  it('S39: no header makes another address of a caller that no proxy is trusted to speak for', async () => {
    const { headers } = await admin.key({ allowed_ips: ['203.0.113.9'] });
    for (const name of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'cf-connecting-ip', 'x-client-ip']) {
      expect(
        await ask({ ...headers, [name]: name === 'forwarded' ? 'for=203.0.113.9' : '203.0.113.9' }),
      ).toBe(403);
    }
  });
});

describe('allowed_ips behind one trusted proxy', () => {
  let tollgate: Tollgate;
  beforeAll(async () => {
    tollgate = await Tollgate.start({ env: { TRUSTED_PROXY_HOPS: '1' } });
  });
  afterAll(() => tollgate.close());

  it.each([
    ['203.0.113.9', 200],
    ['198.51.100.1, 203.0.113.9', 200],
    ['::ffff:203.0.113.9', 200],
    ['203.0.113.9, 198.51.100.1', 403],
    ['203.0.113.10', 403],
    ['unknown', 403],
    ['203.0.113.9:4711', 403],
    [undefined, 403],
  ])('S39: X-Forwarded-For %j is believed as far as the proxy wrote it: %d', async (forwarded, status) => {
    const { headers } = await new AdminClient(tollgate).key({ allowed_ips: ['203.0.113.9'] });
    const response = await tollgate.get('/v1/models', { ...headers, 'x-forwarded-for': forwarded });
    expect(response.status).toBe(status);
  });
});

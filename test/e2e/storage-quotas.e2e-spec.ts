import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const MIB = 1024 * 1024;
const REFUSED = { status: 403, code: 'storage_quota_exceeded' };

interface Answer {
  readonly status: number;
  readonly code: string | null | undefined;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test names the fields that it is about
  readonly body: any;
  readonly headers: Headers;
}

/** What an account may make us store, whoever of its keys asks, however many at once. */
describe('storage quotas', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let admin: AdminClient;
  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    admin = new AdminClient(tollgate);
    const usage = wireUsage(10, 10);
    upstream.otherwise((response, request) =>
      (request.body['stream'] === true
        ? sse(chatChunks('some text', { usage }))
        : json(chatAnswer({ usage })))(response, request),
    );
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  /** A key of a new account with these limits. */
  async function keyWith(limits: Record<string, number>, credits = 0) {
    const account_id = await admin.account(credits);
    const patched = await admin.patch(`/accounts/${account_id}`, limits);
    expect(patched.status).toBe(200);
    return admin.key({ account_id, manage_chatbots: true });
  }
  type Key = Awaited<ReturnType<typeof keyWith>>;

  async function ask(key: Key, method: string, path: string, body?: unknown, headers = {}): Promise<Answer> {
    const response = await tollgate.request(method, path, {
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { ...key.headers, 'content-type': 'application/json', ...headers },
    });
    const text = await response.text();
    const answer = text.startsWith('{') ? JSON.parse(text) : text;
    return { status: response.status, code: answer.error?.code, body: answer, headers: response.headers };
  }
  const begin = (key: Key, text: string) =>
    ask(key, 'POST', '/v1/conversations', { items: [{ type: 'message', role: 'user', content: text }] });
  const chat = (key: Key, body: object, headers = {}, path = '/v1/chat/completions') =>
    ask(
      key,
      'POST',
      path,
      { model: MODEL, max_tokens: 10, messages: [{ role: 'user', content: 'hi' }], ...body },
      headers,
    );
  const storageOf = async (key: Key) => (await admin.get(`/accounts/${key.accountId}`)).body.storage;

  it('bytes: a key without credits fills its own account and no more, and deleting makes room again', async () => {
    const key = await keyWith({ max_stored_bytes: 3 * MIB });
    const ends: Answer[] = [];
    for (let i = 0; i < 4; i += 1) ends.push(await begin(key, 'x'.repeat(MIB)));
    expect(ends.map(({ status }) => status)).toEqual([200, 200, 403, 403]);
    const refused = ends[2];
    expect(refused).toMatchObject(REFUSED);
    expect(refused?.headers.get('x-should-retry')).toBe('false');
    expect(refused?.body.error.message).toMatch(
      /has \d+ of at most 3145728 bytes .* needs \d+ more\. Delete some of them, or have the operator raise `max_stored_bytes`/,
    );
    expect(await storageOf(key)).toMatchObject({
      stored_bytes: { limit: 3 * MIB },
      conversations: { used: 2, limit: 10_000 },
    });
    const items = `/v1/conversations/${ends[0]?.body.id}/items`;
    const item = { items: [{ type: 'message', role: 'user', content: 'y'.repeat(MIB) }] };
    expect(await ask(key, 'POST', items, item)).toMatchObject(REFUSED);

    expect((await ask(key, 'DELETE', `/v1/conversations/${ends[1]?.body.id}`)).status).toBe(200);
    expect((await ask(key, 'POST', items, item)).status).toBe(200);
    expect(await begin(key, 'x'.repeat(MIB))).toMatchObject(REFUSED);
  });

  it('bytes: many at once do not go over it together', async () => {
    const key = await keyWith({ max_stored_bytes: MIB });
    const ends = await Promise.all(Array.from({ length: 24 }, () => begin(key, 'x'.repeat(100_000))));
    expect(ends.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(ends.filter(({ code }) => code === 'storage_quota_exceeded')).toHaveLength(14);
    expect((await storageOf(key)).stored_bytes.used).toBeLessThanOrEqual(MIB);
  });

  it('bytes: small rows count, too', async () => {
    const key = await keyWith({ max_stored_bytes: 8_192 });
    let made = 0;
    while ((await ask(key, 'POST', '/v1/conversations', {})).status === 200) made += 1;
    expect(made).toBeGreaterThan(2);
    expect(made).toBeLessThanOrEqual(16);
  });

  it('metadata and titles: a change that needs more room than there is is refused, one that needs less is not', async () => {
    const key = await keyWith({ max_stored_bytes: 6_000 });
    const { body } = await ask(key, 'POST', '/v1/conversations', {
      title: 'A title',
      metadata: { a: 'b'.repeat(512) },
    });
    const path = `/v1/conversations/${body.id}`;
    const metadata = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, 'v'.repeat(512)]));
    expect(await ask(key, 'POST', path, { metadata })).toMatchObject(REFUSED);
    await admin.patch(`/accounts/${key.accountId}`, { max_stored_bytes: 1 });
    expect((await ask(key, 'POST', path, { title: 'A', metadata: {} })).status).toBe(200);
  });

  it('conversations: their number', async () => {
    const key = await keyWith({ max_conversations: 3 });
    const ends = await Promise.all(Array.from({ length: 8 }, () => begin(key, 'hi')));
    expect(ends.filter(({ status }) => status === 200)).toHaveLength(3);
    expect(await begin(key, 'hi')).toMatchObject({
      ...REFUSED,
      body: { error: { message: expect.stringContaining('3 of at most 3 conversations') } },
    });
  });

  describe('chatbots', () => {
    const bot = { name: 'Bot', model: 'sandbox/chat', system_prompt: 'p'.repeat(100_000) };

    it('their number', async () => {
      const key = await keyWith({ max_chatbots: 2 });
      const ends = await Promise.all(Array.from({ length: 5 }, () => ask(key, 'POST', '/v1/chatbots', bot)));
      expect(ends.map(({ status }) => status).toSorted()).toEqual([200, 200, 403, 403, 403]);
    });

    it('a small PATCH that stores a large version counts in full', async () => {
      const key = await keyWith({ max_stored_bytes: 350_000 });
      const { body } = await ask(key, 'POST', '/v1/chatbots', bot);
      const path = `/v1/chatbots/${body.id}`;
      const ends: Answer[] = [];
      for (let seed = 1; seed <= 4; seed += 1) ends.push(await ask(key, 'PATCH', path, { seed }));
      expect(ends.map(({ status }) => status)).toEqual([200, 200, 403, 403]);
      expect((await ask(key, 'GET', path)).body).toMatchObject({ version: 3, seed: 2 });
      expect((await ask(key, 'DELETE', path)).status).toBe(200);
      expect((await storageOf(key)).stored_bytes.used).toBe(0);
    });

    it('their versions: the oldest are dropped, so that changes go on', async () => {
      const key = await keyWith({ max_chatbot_versions: 2, max_stored_bytes: 350_000 });
      const { body } = await ask(key, 'POST', '/v1/chatbots', bot);
      const path = `/v1/chatbots/${body.id}`;
      for (let seed = 1; seed <= 6; seed += 1)
        expect((await ask(key, 'PATCH', path, { seed })).status).toBe(200);
      const versions = await ask(key, 'GET', `${path}/versions`);
      expect(versions.body.data.map(({ version }: { version: number }) => version)).toEqual([7, 6]);
    });
  });

  describe.each([{ stream: false }, { stream: true }])('chat ($stream)', ({ stream }) => {
    it('store: true without room: refused before the call, and nothing is charged', async () => {
      const key = await keyWith({ max_stored_completions: 1 }, 100);
      expect((await chat(key, { stream, store: true })).status).toBe(200);
      upstream.clear();
      expect(await chat(key, { stream, store: true })).toMatchObject(REFUSED);
      expect(upstream.requests).toHaveLength(0);
      const { body } = await ask(key, 'GET', '/v1/credits');
      expect(body.held).toBe(0);
      expect((await chat(key, { stream })).status).toBe(200);
    });

    it('a turn of a conversation without room: refused before the call', async () => {
      const key = await keyWith({ max_stored_bytes: 20_000 }, 100);
      const { body } = await begin(key, 'hi');
      const talk = (text: string) =>
        chat(key, { stream, conversation_id: body.id, messages: [{ role: 'user', content: text }] });
      expect((await talk('short')).status).toBe(200);
      upstream.clear();
      expect(await talk('x'.repeat(20_000))).toMatchObject(REFUSED);
      expect(upstream.requests).toHaveLength(0);
      expect((await talk('short')).status).toBe(200);
    });

    it('turns at once do not go over it together, but for their answers', async () => {
      const key = await keyWith({ max_stored_bytes: 100_000 }, 100);
      const ends = await Promise.all(
        Array.from({ length: 12 }, () =>
          chat(key, { stream, store: true, messages: [{ role: 'user', content: 'x'.repeat(20_000) }] }),
        ),
      );
      expect(ends.filter(({ status }) => status === 200)).toHaveLength(4);
      expect((await storageOf(key)).stored_bytes.used).toBeLessThan(100_000);
    });

    it('answers that are kept for an Idempotency-Key: refused before the call, and what is kept is still given', async () => {
      const key = await keyWith({ max_kept_answer_bytes: 1_000 }, 100);
      const first = await chat(key, { stream }, { 'idempotency-key': 'first' });
      expect(first.status).toBe(200);
      upstream.clear();
      expect(await chat(key, { stream }, { 'idempotency-key': 'second' })).toMatchObject(REFUSED);
      expect(await chat(key, { stream }, { 'idempotency-key': 'second' })).toMatchObject(REFUSED);
      const again = await chat(key, { stream }, { 'idempotency-key': 'first' });
      expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
      expect(upstream.requests).toHaveLength(0);
      expect((await chat(key, { stream })).status).toBe(200);
    });
  });

  it('legacy completions and the other surfaces refuse in their own dialect', async () => {
    const key = await keyWith({ max_kept_answer_bytes: 0, max_stored_completions: 0 }, 100);
    const headers = { 'idempotency-key': 'one' };
    const completion = { model: 'sandbox/chat', prompt: 'hi', max_tokens: 5 };
    expect(await ask(key, 'POST', '/v1/completions', completion, headers)).toMatchObject(REFUSED);
    for (const path of ['/api/v1/chat/completions', '/api/public/v1/openai/chat/completions']) {
      const answer = await chat(key, { store: true }, {}, path);
      expect(answer.status).toBe(403);
      expect(JSON.stringify(answer.body)).toContain('of at most 0 stored completions');
    }
  });

  it('operators see use and limits, change them, and give the defaults back', async () => {
    const key = await keyWith({ max_conversations: 1 });
    const path = `/accounts/${key.accountId}`;
    await begin(key, 'hi');
    expect(await begin(key, 'hi')).toMatchObject(REFUSED);
    const { body } = await admin.get(path);
    expect(body).toMatchObject({
      max_conversations: 1,
      max_stored_bytes: null,
      storage: {
        conversations: { used: 1, limit: 1 },
        stored_completions: { used: 0, limit: 10_000 },
        chatbots: { used: 0, limit: 1_000 },
        chatbot_versions: { limit: 100 },
        kept_answer_bytes: { used: 0, limit: 2 ** 30 },
      },
    });
    expect(body.storage.stored_bytes.used).toBeGreaterThan(512);
    expect((await admin.get('/accounts')).body.data[0].storage).toEqual(body.storage);
    expect((await admin.patch(path, { max_conversations: null })).body).toMatchObject({
      max_conversations: null,
      storage: { conversations: { used: 1, limit: 10_000 } },
    });
    expect((await begin(key, 'hi')).status).toBe(200);
    expect((await admin.patch(path, { max_chatbot_versions: 0 })).status).toBe(400);
    await admin.delete(`${path}/conversations`);
    expect((await storageOf(key)).stored_bytes.used).toBe(0);
  });

  it('what was counted all the while is what there is', async () => {
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  });
});

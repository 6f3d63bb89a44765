import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';

type Body = Record<string, unknown>;

describe('fields that our own APIs do not know', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;
  let account: string;
  let key: { id: string; headers: Record<string, string> };
  let chatbot: Body;
  let conversation: Body;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
    account = await admin.account(10);
    key = await admin.key({ account_id: account, manage_chatbots: true });
    ({ body: chatbot } = await send('POST', '/v1/chatbots', { name: 'Guide', model: 'sandbox/chat' }));
    ({ body: conversation } = await send('POST', '/v1/conversations', {}));
  });
  afterAll(() => tollgate.close());

  async function send(method: string, path: string, body?: Body) {
    const own = path.startsWith('/admin') ? { authorization: `Bearer ${ADMIN_KEY}` } : key.headers;
    const response = await tollgate.request(method, path, {
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { ...own, 'content-type': 'application/json' },
    });
    return { status: response.status, body: (await response.json()) as Body & { error?: Body } };
  }

  it('are named without a character cut in two, however long they are', async () => {
    for (const before of [62, 63, 64]) {
      const name = `${'a'.repeat(before)}😀${'b'.repeat(80)}`;
      const { status, body } = await send('POST', '/admin/v1/accounts', { name: 'x', [name]: 1 });
      expect(status).toBe(400);
      expect(JSON.stringify(body)).not.toContain('\\ud8');
    }
  });

  it.each([
    [
      'a key',
      'POST',
      () => '/admin/v1/keys',
      () => ({ account_id: account, name: 'k', budgt: 5 }),
      'budgt',
      'budget',
    ],
    [
      'a key',
      'POST',
      () => '/admin/v1/keys',
      () => ({ account_id: account, name: 'k', RPM: 5 }),
      'RPM',
      'rpm',
    ],
    [
      'a key',
      'POST',
      () => '/admin/v1/keys',
      () => ({ account: account, name: 'k' }),
      'account',
      'account_id',
    ],
    [
      'a key’s change',
      'PATCH',
      () => `/admin/v1/keys/${key.id}`,
      () => ({ max_concurency: 1 }),
      'max_concurency',
      'max_concurrency',
    ],
    [
      'a rotation',
      'POST',
      () => `/admin/v1/keys/${key.id}/rotate`,
      () => ({ overlap_second: 60 }),
      'overlap_second',
      'overlap_seconds',
    ],
    [
      'an account',
      'POST',
      () => '/admin/v1/accounts',
      () => ({ name: 'a', conversation_retention: 3 }),
      'conversation_retention',
      'conversation_retention_days',
    ],
    [
      'an account’s change',
      'PATCH',
      () => `/admin/v1/accounts/${account}`,
      () => ({ state: 'suspended' }),
      'state',
      'status',
    ],
    [
      'credits',
      'POST',
      () => `/admin/v1/accounts/${account}/credits`,
      () => ({ amount: 5, reasn: 'x' }),
      'reasn',
      'reason',
    ],
    ['a list', 'GET', () => '/admin/v1/keys?acount_id=acct_1', () => undefined, 'acount_id', 'account_id'],
    ['a list', 'GET', () => '/admin/v1/accounts?limt=1', () => undefined, 'limt', 'limit'],
    ['a report', 'GET', () => '/admin/v1/usage?group=model', () => undefined, 'group', 'group_by'],
    ['the ledger', 'GET', () => '/admin/v1/ledger?key=key_1', () => undefined, 'key', undefined],
    [
      'an operator’s chatbot',
      'POST',
      () => '/admin/v1/chatbots',
      () => ({ account_id: account, name: 'b', model: 'sandbox/chat', systemPrompt: 'x' }),
      'systemPrompt',
      'system_prompt',
    ],
    [
      'a chatbot',
      'POST',
      () => '/v1/chatbots',
      () => ({ name: 'b', model: 'sandbox/chat', max_token: 5 }),
      'max_token',
      'max_tokens',
    ],
    [
      'a chatbot’s change',
      'PATCH',
      () => `/v1/chatbots/${String(chatbot['id'])}`,
      () => ({ temprature: 1 }),
      'temprature',
      'temperature',
    ],
    [
      'a memory policy',
      'PATCH',
      () => `/v1/chatbots/${String(chatbot['id'])}`,
      () => ({ memory: { policy: 'window', max_token: 5 } }),
      'memory.max_token',
      'max_tokens',
    ],
    [
      'a publication',
      'POST',
      () => `/v1/chatbots/${String(chatbot['id'])}/publish`,
      () => ({ vesion: 1 }),
      'vesion',
      'version',
    ],
    ['a conversation', 'POST', () => '/v1/conversations', () => ({ titel: 'x' }), 'titel', 'title'],
    [
      'a conversation’s settings',
      'POST',
      () => `/v1/conversations/${String(conversation['id'])}`,
      () => ({ meta: {} }),
      'meta',
      'metadata',
    ],
  ] satisfies [string, string, () => string, () => Body | undefined, string, string | undefined][])(
    'of %s (%s) are refused by name, with what was meant',
    async (_what, method, path, body, param, meant) => {
      const { status, body: answer } = await send(method, path(), body() as Body | undefined);
      expect(status).toBe(400);
      expect(answer.error).toMatchObject({ param, code: 'unknown_parameter' });
      const question = meant === undefined ? "'." : `'. Did you mean '${meant}'?`;
      expect(answer.error?.['message']).toBe(`Unknown parameter: '${param}${question}`);
    },
  );

  it('a record that was read can be sent back, to change it and to make another', async () => {
    const { body: readKey } = await send('GET', `/admin/v1/keys/${key.id}`);
    const { body: readAccount } = await send('GET', `/admin/v1/accounts/${account}`);
    const readChatbot = (await send('GET', `/v1/chatbots/${String(chatbot['id'])}`)).body;
    const again = [
      await send('PATCH', `/admin/v1/keys/${key.id}`, readKey),
      await send('POST', '/admin/v1/keys', readKey),
      await send('PATCH', `/admin/v1/accounts/${account}`, readAccount),
      await send('POST', '/admin/v1/accounts', readAccount),
      await send('PATCH', `/v1/chatbots/${String(chatbot['id'])}`, readChatbot),
      await send('POST', '/v1/chatbots', readChatbot),
      await send('POST', '/admin/v1/chatbots', readChatbot),
      await send('POST', `/v1/conversations/${String(conversation['id'])}`, { ...conversation, title: 'x' }),
      await send('POST', '/v1/conversations', { ...conversation, title: 'x' }),
    ];
    expect(again.map(({ status, body }) => [status, body.error ?? null])).toEqual(
      again.map(() => [200, null]),
    );
    // What is read-only stays as it is.
    expect((await send('GET', `/admin/v1/accounts/${account}`)).body['balance']).toBe(10);
  });

  it('are ignored on the OpenAI wire', async () => {
    const { status } = await send('POST', '/v1/chat/completions', {
      model: 'sandbox/echo',
      messages: [{ role: 'user', content: 'hi' }],
      max_token: 5,
    });
    expect(status).toBe(200);
  });

  it.each([0, 1_000_000_000])('a key that has expired already (%d) is not made', async (expires_at) => {
    const { status, body } = await send('POST', '/admin/v1/keys', {
      account_id: account,
      name: 'k',
      expires_at,
    });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ param: 'expires_at', message: expect.stringContaining('has passed') });
  });

  it('a key that allows only models that do not exist is not made', async () => {
    const { status, body } = await send('POST', '/admin/v1/keys', {
      account_id: account,
      name: 'k',
      models: ['sandbox/caht', 'gpt-17'],
    });
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      param: 'models',
      message: expect.stringContaining("'sandbox/caht' (did you mean 'sandbox/chat'?), 'gpt-17'"),
    });
  });

  it('a key that is of less use than it says comes with warnings', async () => {
    const fields = { account_id: account, name: 'k' };
    const { body: sound } = await send('POST', '/admin/v1/keys', { ...fields, models: ['sandbox/chat'] });
    expect(sound).not.toHaveProperty('warnings');
    const { body: partly } = await send('POST', '/admin/v1/keys', {
      ...fields,
      models: ['sandbox/chat', 'gpt-17'],
    });
    expect(partly['warnings']).toEqual(["models: not known at present: 'gpt-17'."]);
    const path = `/admin/v1/keys/${String(partly['id'])}`;
    const { body: late } = await send('PATCH', path, { expires_at: 1_790_000_000_000 });
    expect(late['warnings']).toEqual([expect.stringContaining('not milliseconds')]);
    const { body: ended } = await send('PATCH', path, { expires_at: 1, models: [] });
    expect(ended['warnings']).toEqual([
      expect.stringContaining('has passed'),
      expect.stringContaining('allows no model'),
    ]);
  });
});

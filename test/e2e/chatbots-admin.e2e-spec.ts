import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ChatbotRepository } from '../../src/chatbots/chatbot.repository.js';
import { newChatbotId } from '../../src/common/ids/ids.js';
import { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { AdminClient } from '../support/admin-client.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const MORE_MODELS = `
  - id: test/unpriced
    routes: [ { upstream: main, model: unpriced } ]
  - id: sandbox/echo
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: sandbox, model: echo } ]
  - id: sandbox/chat
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: sandbox, model: chat } ]
`;

const NEW = { name: 'Support', model: 'sandbox/echo' };

const OVERRIDES = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'reasoning_effort',
  'verbosity',
  'n',
  'tools',
  'response_format',
];

const DEFAULTS = {
  description: '',
  system_prompt: '',
  variables: {},
  temperature: null,
  top_p: null,
  max_tokens: null,
  stop: null,
  presence_penalty: null,
  frequency_penalty: null,
  seed: null,
  reasoning_effort: null,
  verbosity: null,
  tools: null,
  tool_choice: null,
  response_format: null,
  memory: { policy: 'window' },
  overrides: OVERRIDES,
  accepts_instructions: false,
};

const TOOL = {
  type: 'function',
  function: { name: 'find_order', description: 'Finds', parameters: { type: 'object' }, strict: true },
};

const ALL_FIELDS = {
  name: 'Everything',
  description: 'Line one\nline two',
  model: 'sandbox/chat',
  system_prompt: 'You help {{name}}.\n\u0000',
  variables: { name: 'you', __proto: 'odd' },
  temperature: 0,
  top_p: 0.5,
  max_tokens: 100,
  stop: ['END', '\n'],
  presence_penalty: -1,
  frequency_penalty: 2,
  seed: 7,
  reasoning_effort: 'low',
  verbosity: 'high',
  tools: [TOOL],
  tool_choice: { type: 'function', function: { name: 'find_order' } },
  response_format: { type: 'json_schema', json_schema: { name: 'order', schema: { type: 'object' } } },
  memory: { policy: 'summary', max_tokens: 2_000, model: 'sandbox/echo' },
  overrides: ['temperature', 'n'],
  accepts_instructions: true,
};

describe('/admin/v1/chatbots', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;
  let accountId: string;

  beforeAll(async () => {
    tollgate = await Tollgate.start({ yaml: catalogueYaml('http://127.0.0.1:9/v1', MORE_MODELS) });
    admin = new AdminClient(tollgate);
    accountId = await admin.account();
  });
  afterAll(() => tollgate.close());

  const create = async (fields: Record<string, unknown> = {}) => {
    const { status, body } = await admin.post('/chatbots', { account_id: accountId, ...NEW, ...fields });
    expect(status).toBe(200);
    return body;
  };

  it('creates a chatbot of nothing but a name and a model, with the defaults', async () => {
    const body = await create();
    expect(body).toEqual({
      object: 'chatbot',
      id: expect.stringMatching(/^bot_[0-9a-f]{32}$/),
      account_id: accountId,
      ...NEW,
      ...DEFAULTS,
      keys: null,
      version: 1,
      published_version: 1,
      status: 'published',
      revision: 1,
      created: expect.closeTo(Date.now() / 1000, -2),
      updated: body.created,
    });
    expect((await admin.get(`/chatbots/${body.id}`)).body).toEqual(body);
  });

  it('keeps every field as it was sent', async () => {
    const { id: key } = await admin.key({ account_id: accountId });
    const body = await create({ ...ALL_FIELDS, keys: [key, key], draft: true });
    expect(body).toMatchObject({
      ...ALL_FIELDS,
      keys: [key],
      version: 1,
      published_version: null,
      status: 'draft',
    });
    expect((await admin.get(`/chatbots/${body.id}`)).body).toEqual(body);
  });

  it.each([
    [{ account_id: undefined }, 'account_id'],
    [{ name: undefined }, 'name'],
    [{ name: '' }, 'name'],
    [{ name: 'a\nb' }, 'name'],
    [{ model: undefined }, 'model'],
    [{ model: 'nobody/nothing' }, 'model'],
    [{ model: 'test/unpriced' }, 'model'],
    [{ model: `bot_${'0'.repeat(32)}` }, 'model'],
    [{ model: 7 }, 'model'],
    [{ description: 'x'.repeat(1_025) }, 'description'],
    [{ description: 'a\u0000' }, 'description'],
    [{ system_prompt: 'x'.repeat(100_001) }, 'system_prompt'],
    [{ system_prompt: '{{a}}'.repeat(257) }, 'system_prompt'],
    [{ system_prompt: ['x'] }, 'system_prompt'],
    [{ system_prompt: 'Hi {{ __proto__ }}' }, 'system_prompt'],
    [{ variables: { '1st': 'x' } }, 'variables.1st'],
    [{ variables: { 'a b': 'x' } }, 'variables.a b'],
    [{ variables: { ['x'.repeat(65)]: 'x' } }, `variables.${'x'.repeat(64)}…`],
    [{ variables: { a: 1 } }, 'variables.a'],
    [{ variables: { a: 'x'.repeat(4_097) } }, 'variables.a'],
    [{ variables: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`v${i}`, ''])) }, 'variables'],
    [{ temperature: 2.1 }, 'temperature'],
    [{ temperature: '1' }, 'temperature'],
    [{ top_p: -0.1 }, 'top_p'],
    [{ max_tokens: 0 }, 'max_tokens'],
    [{ stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop'],
    [{ presence_penalty: 3 }, 'presence_penalty'],
    [{ seed: 1.5 }, 'seed'],
    [{ reasoning_effort: 'lots' }, 'reasoning_effort'],
    [{ tools: Array.from({ length: 129 }, () => TOOL) }, 'tools'],
    [{ tools: [{ type: 'function' }] }, 'tools[0].function'],
    [{ tools: [{ ...TOOL, function: { name: 'f', description: 'x'.repeat(300_000) } }] }, 'tools'],
    [{ tool_choice: 'required' }, 'tool_choice'],
    [{ tools: [TOOL], tool_choice: { type: 'function', function: { name: 'other' } } }, 'tool_choice'],
    [{ response_format: { type: 'yaml' } }, 'response_format.type'],
    [
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', schema: { description: 'x'.repeat(140_000) } },
        },
      },
      'response_format',
    ],
    [{ memory: 'window' }, 'memory'],
    [{ memory: { policy: 'all' } }, 'memory.policy'],
    [{ memory: { policy: 'turns' } }, 'memory.turns'],
    [{ memory: { policy: 'turns', turns: 0 } }, 'memory.turns'],
    [{ memory: { policy: 'window', max_tokens: 0 } }, 'memory.max_tokens'],
    [{ memory: { policy: 'window', turns: 3 } }, 'memory.turns'],
    [{ memory: { policy: 'turns', turns: 3, max_tokens: 99 } }, 'memory.max_tokens'],
    [{ memory: { policy: 'none', model: 'sandbox/echo' } }, 'memory.model'],
    [{ memory: { policy: 'summary', model: 'nobody/nothing' } }, 'memory.model'],
    [{ overrides: ['messages'] }, 'overrides[0]'],
    [{ accepts_instructions: 'no' }, 'accepts_instructions'],
    [{ keys: 'key_1' }, 'keys'],
    [{ keys: ['key_none'] }, 'keys[0]'],
    [{ keys: ["' or 1=1"] }, 'keys[0]'],
    [{ draft: 'yes' }, 'draft'],
  ])('refuses a chatbot with %j', async (fields, param) => {
    const account_id = await admin.account(0);
    const answer = await admin.post('/chatbots', { account_id, ...NEW, ...fields });
    expect([answer.status, answer.body.error?.param]).toEqual([400, param]);
    expect(answer.body.error.message.length).toBeLessThan(600);
    expect((await admin.get(`/chatbots?account_id=${account_id}`)).body.data).toEqual([]);
  });

  it('makes none for an account that is not there, and lets in keys of its own account only', async () => {
    const nobody = await admin.post('/chatbots', { account_id: 'acct_none', ...NEW });
    expect([nobody.status, nobody.body.error.message]).toEqual([404, 'There is no such account.']);
    const { id: theirs } = await admin.key();
    const { id: mine } = await admin.key({ account_id: accountId });
    const refused = await admin.post('/chatbots', { account_id: accountId, ...NEW, keys: [mine, theirs] });
    expect([refused.status, refused.body.error.param]).toEqual([400, 'keys[1]']);
    const { id } = await create();
    expect((await admin.patch(`/chatbots/${id}`, { keys: [theirs] })).status).toBe(400);
    // A revoked one stays in the list: it is refused anyway, and a list that was good can be sent back.
    await admin.delete(`/keys/${mine}`);
    expect((await admin.patch(`/chatbots/${id}`, { keys: [mine] })).body.keys).toEqual([mine]);
  });

  it('keeps models under their own ids, whatever name they were asked for by', async () => {
    const memory = { policy: 'summary', model: 'upstream-model' };
    const { id, ...body } = await create({ model: 'upstream-model', memory });
    expect(body).toMatchObject({ model: MODEL, memory: { policy: 'summary', model: MODEL } });
    expect((await admin.patch(`/chatbots/${id}`, { model: 'upstream-model' })).body.version).toBe(1);
  });

  it.each<Record<string, unknown>>([
    { newest_version: 7 },
    { accountId: 'acct_1' },
    { constructor: { prototype: { polluted: true } } },
    { sampling: { temperature: 2 } },
    { restored_from: 3 },
  ])('S35: no chatbot is made or changed with a field that chatbots do not have: %j', async (field) => {
    const { id } = await create();
    for (const answer of [
      await admin.post('/chatbots', { account_id: accountId, name: 'b', model: MODEL, ...field }),
      await admin.patch(`/chatbots/${id}`, field),
    ]) {
      expect([answer.status, answer.body.error.code]).toEqual([400, 'unknown_parameter']);
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('S35: fields that a chatbot only shows change nothing', async () => {
    const other = await admin.account(0);
    const greedy = {
      id: `bot_${'1'.repeat(32)}`,
      version: 7,
      published_version: 7,
      revision: undefined,
      status: 'draft',
      created: 1,
      updated: 1,
      object: 'account',
    };
    const body = await create(greedy);
    const expected = { account_id: accountId, version: 1, published_version: 1, temperature: null };
    expect(body).toMatchObject({ ...expected, object: 'chatbot' });
    expect(body.id).not.toBe(greedy.id);
    const patched = await admin.patch(`/chatbots/${body.id}`, { ...greedy, account_id: other });
    expect(patched.body).toEqual(body);
  });

  it('a PATCH changes what is sent, null brings the default back, and the rest stays', async () => {
    const before = await create(ALL_FIELDS);
    const path = `/chatbots/${before.id}`;
    const { body: one } = await admin.patch(path, { temperature: 1.5, variables: { other: 'x' } });
    const next = { updated: expect.any(Number), version: 2, published_version: 2, revision: 2 };
    expect(one).toEqual({ ...before, ...next, temperature: 1.5, variables: { other: 'x' } });
    const nothing = Object.fromEntries(Object.keys(DEFAULTS).map((field) => [field, null]));
    const { body: none } = await admin.patch(path, nothing);
    expect(none).toEqual({
      ...before,
      ...DEFAULTS,
      updated: expect.any(Number),
      version: 3,
      published_version: 3,
      revision: 3,
    });
    const { body: back } = await admin.patch(path, ALL_FIELDS);
    expect(back).toMatchObject({ ...ALL_FIELDS, version: 4 });
  });

  it.each(['name', 'model'])('a PATCH takes no null for %s, which has no default', async (field) => {
    const before = await create();
    const { status, body } = await admin.patch(`/chatbots/${before.id}`, { [field]: null, seed: 1 });
    expect([status, body.error.param, body.error.message]).toEqual([
      400,
      field,
      `Invalid type for '${field}': expected a string, but got null instead.`,
    ]);
    expect((await admin.get(`/chatbots/${before.id}`)).body).toEqual(before);
  });

  it('what changes nothing makes no version and no revision', async () => {
    const before = await create(ALL_FIELDS);
    const path = `/chatbots/${before.id}`;
    for (const fields of [{}, ALL_FIELDS, { keys: null }, { draft: true }, { draft: null }]) {
      expect((await admin.patch(path, fields)).body).toEqual(before);
    }
    expect((await admin.post(`${path}/publish`)).body).toEqual(before);
    expect((await admin.post(`${path}/publish`, { version: 1 })).body).toEqual(before);
  });

  it('a change of keys makes no version, and publishes nothing', async () => {
    const { id: key } = await admin.key({ account_id: accountId });
    const { id } = await create();
    await admin.patch(`/chatbots/${id}`, { name: 'Draft', draft: true });
    const { body } = await admin.patch(`/chatbots/${id}`, { keys: [key] });
    expect(body).toMatchObject({ keys: [key], version: 2, published_version: 1, revision: 3 });
    expect((await admin.patch(`/chatbots/${id}`, { keys: [] })).body.keys).toEqual([]);
    expect((await admin.patch(`/chatbots/${id}`, { keys: null })).body.keys).toBeNull();
  });

  it('judges a change by what comes of it: tools go, and so must their choice', async () => {
    const { id } = await create({ tools: [TOOL], tool_choice: 'required' });
    const path = `/chatbots/${id}`;
    for (const fields of [{ tools: null }, { tools: [] }]) {
      const { status, body } = await admin.patch(path, fields);
      expect([status, body.error.param]).toEqual([400, 'tool_choice']);
    }
    const forced = { type: 'function', function: { name: 'find_order' } };
    expect((await admin.patch(path, { tool_choice: forced })).status).toBe(200);
    const { body } = await admin.patch(path, { tools: [], tool_choice: null });
    expect(body).toMatchObject({ tools: null, tool_choice: null });
  });

  it('keeps drafts from callers until they are published, and takes back what was published', async () => {
    const { id } = await create({ draft: true });
    const path = `/chatbots/${id}`;
    expect((await admin.post(`${path}/publish`)).body).toMatchObject({
      version: 1,
      published_version: 1,
      status: 'published',
    });
    expect((await admin.patch(path, { name: 'Two', draft: true })).body).toMatchObject({
      version: 2,
      published_version: 1,
      status: 'draft',
    });
    expect((await admin.patch(path, { name: 'Three' })).body).toMatchObject({
      version: 3,
      published_version: 3,
    });
    expect((await admin.post(`${path}/publish`, { version: 1 })).body).toMatchObject({
      name: 'Three',
      version: 3,
      published_version: 1,
      status: 'draft',
    });
    expect((await admin.post(`${path}/unpublish`)).body).toMatchObject({ published_version: null });
    const { body: again } = await admin.post(`${path}/unpublish`);
    expect(again).toMatchObject({ published_version: null, revision: 6 });
    expect((await admin.post(`${path}/publish`, { version: 4 })).status).toBe(404);
    expect((await admin.post(`${path}/publish`, { version: 0 })).status).toBe(400);
  });

  it('tells, compares and restores versions', async () => {
    const { id } = await create({ name: 'One', tools: [TOOL] });
    const path = `/chatbots/${id}`;
    await admin.patch(path, { name: 'Two', tools: null, memory: { policy: 'turns', turns: 3 } });
    const { body: two } = await admin.get(`${path}/versions/2`);
    expect(two).toEqual({
      object: 'chatbot.version',
      chatbot_id: id,
      version: 2,
      published: true,
      restored_from: null,
      created: expect.closeTo(Date.now() / 1000, -2),
      ...DEFAULTS,
      name: 'Two',
      model: NEW.model,
      memory: { policy: 'turns', turns: 3 },
    });
    const changes = [
      { field: 'name', from: 'One', to: 'Two' },
      { field: 'tools', from: [TOOL], to: null },
      { field: 'memory', from: { policy: 'window' }, to: { policy: 'turns', turns: 3 } },
    ];
    expect((await admin.get(`${path}/compare?from=1&to=2`)).body).toEqual({
      object: 'chatbot.comparison',
      from: 1,
      to: 2,
      changes,
    });
    expect((await admin.get(`${path}/compare?from=2&to=2`)).body.changes).toEqual([]);
    const { body: restored } = await admin.post(`${path}/versions/1/restore`);
    expect(restored).toMatchObject({ name: 'One', tools: [TOOL], version: 3, published_version: 3 });
    expect((await admin.get(`${path}/compare?from=1&to=3`)).body.changes).toEqual([]);
    const { body: draft } = await admin.post(`${path}/versions/2/restore`, { draft: true });
    expect(draft).toMatchObject({ name: 'Two', version: 4, published_version: 3 });
    // What the newest version says already is published at most.
    expect((await admin.post(`${path}/versions/2/restore`, { draft: true })).body).toEqual(draft);
    const { body: list } = await admin.get(`${path}/versions`);
    expect(
      list.data.map((one: Record<string, unknown>) => [
        one['version'],
        one['restored_from'],
        one['published'],
      ]),
    ).toEqual([
      [4, 2, false],
      [3, 1, true],
      [2, null, false],
      [1, null, false],
    ]);
    const { body: published } = await admin.post(`${path}/versions/4/restore`);
    expect(published).toMatchObject({ name: 'Two', version: 4, published_version: 4 });
  });

  it.each([
    ['GET', '/versions/3', 404],
    ['GET', '/versions/0', 404],
    ['GET', '/versions/1e0', 404],
    ['GET', '/versions/99999999999', 404],
    ['POST', '/versions/3/restore', 404],
    ['GET', '/compare', 400],
    ['GET', '/compare?from=1', 400],
    ['GET', '/compare?from=1&to=x', 400],
    ['GET', '/compare?from=1&to=9', 404],
    ['GET', '/versions?cursor=abc', 400],
    ['GET', `/versions?cursor=${Buffer.from('["x"]').toString('base64url')}`, 400],
    ['GET', '/versions?limit=101', 400],
    ['PUT', '', 405],
  ])('%s …%s is %i', async (method, suffix, status) => {
    const { id } = await create();
    const body = method === 'GET' ? undefined : {};
    expect((await admin.request(method, `/chatbots/${id}${suffix}`, body)).status).toBe(status);
  });

  it('of many changes that read the same revision one wins, and none is lost unseen', async () => {
    const { id } = await create();
    const path = `/chatbots/${id}`;
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => admin.patch(path, { seed: i, revision: 1 })),
    );
    const won = answers.filter(({ status }) => status === 200);
    const lost = answers.filter(({ status }) => status === 409);
    expect([won.length, lost.length]).toEqual([1, 9]);
    expect(lost[0]?.body.error).toMatchObject({ code: 'conflict', param: 'revision' });
    expect((await admin.get(path)).body).toMatchObject({ seed: won[0]?.body.seed, version: 2, revision: 2 });
    for (const [method, suffix] of [
      ['PATCH', ''],
      ['POST', '/publish'],
      ['POST', '/unpublish'],
      ['POST', '/versions/1/restore'],
    ] as const) {
      expect((await admin.request(method, path + suffix, { revision: 1 })).status).toBe(409);
    }
    expect((await admin.patch(path, { seed: 77 }, { 'if-match': '"1"' })).status).toBe(409);
    expect((await admin.patch(path, { seed: 77 }, { 'if-match': '"2"' })).status).toBe(200);
    expect((await admin.get(`${path}/versions`)).body.data).toHaveLength(3);
  });

  it.each([
    ['PATCH', '', { seed: 1 }],
    ['POST', '/publish', { version: 1 }],
    ['POST', '/unpublish', {}],
    ['POST', '/versions/1/restore', {}],
    ['DELETE', '', {}],
  ])('%s …%s comes after no change that its caller has not read', async (method, suffix, fields) => {
    const { id } = await create();
    const path = `/chatbots/${id}`;
    await admin.patch(path, { name: 'Two' });
    const send = (body: unknown, ifMatch?: string) =>
      admin.request(method, path + suffix, body, ifMatch === undefined ? {} : { 'if-match': ifMatch });
    const late = [
      await send({ ...fields, revision: 1 }),
      await send(fields, '"1"'),
      await send(fields, 'nonsense'),
    ];
    if (method !== 'PATCH') late.push(await send(undefined, '"1"'));
    expect(late.map(({ status, body }) => [status, body.error.code])).toEqual(
      late.map(() => [409, 'conflict']),
    );
    // The right version in the body mends no wrong one in the header.
    const current = { ...fields, revision: 2 };
    expect((await send(current, '"99"')).status).toBe(409);
    for (const torn of ['"99', '"2', '2"', '"2" x', '']) {
      const refused = await send(current, torn);
      expect([torn, refused.status, refused.body.error.message]).toEqual([
        torn,
        400,
        expect.stringContaining('If-Match'),
      ]);
    }
    expect((await admin.get(path)).body).toMatchObject({ name: 'Two', version: 2, revision: 2 });
    expect((await send(fields, '"2"')).status).toBe(200);
  });

  it('of changes that name no revision none is lost: they are merged field by field', async () => {
    const { id } = await create();
    const fields = { seed: 7, temperature: 1, top_p: 0.5, max_tokens: 9, verbosity: 'low', keys: [] };
    const answers = await Promise.all(
      Object.entries(fields).map(([field, value]) => admin.patch(`/chatbots/${id}`, { [field]: value })),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect((await admin.get(`/chatbots/${id}`)).body).toMatchObject({ ...fields, version: 6, revision: 7 });
  });

  it('lists them page by page, of one account or of all', async () => {
    const account_id = await admin.account(0);
    const made: string[] = [];
    for (let i = 0; i < 5; i += 1) made.push((await create({ account_id })).id);
    const seen: string[] = [];
    let cursor = '';
    do {
      const { body } = await admin.get(`/chatbots?account_id=${account_id}&limit=2${cursor}`);
      expect(body.data.length).toBeLessThanOrEqual(2);
      seen.push(...body.data.map(({ id }: { id: string }) => id));
      cursor = body.has_more ? `&cursor=${body.next_cursor}` : '';
    } while (cursor !== '');
    expect(seen.toSorted()).toEqual(made.toSorted());
    const { body: all } = await admin.get('/chatbots?limit=100');
    expect(all.data.map(({ id }: { id: string }) => id)).toEqual(expect.arrayContaining(made));
    expect((await admin.get(`/chatbots?account_id=${await admin.account(0)}`)).body.data).toEqual([]);
  });

  it('pages end early where prompts are long, and still lead to every one', async () => {
    const account_id = await admin.account(0);
    const tools = [{ type: 'function', function: { name: 'f', description: 'x'.repeat(250_000) } }];
    const { id } = await create({ account_id, tools });
    for (let i = 0; i < 5; i += 1) await create({ account_id, tools });
    for (let i = 0; i < 5; i += 1) await admin.patch(`/chatbots/${id}`, { seed: i });
    for (const path of [`/chatbots?account_id=${account_id}`, `/chatbots/${id}/versions?`]) {
      const seen: unknown[] = [];
      let cursor = '';
      let pages = 0;
      do {
        const { body } = await admin.get(`${path}&limit=100${cursor}`);
        expect(JSON.stringify(body).length).toBeLessThan(1_200_000);
        seen.push(...body.data.map((one: { id?: string; version: number }) => one.id ?? one.version));
        cursor = body.has_more ? `&cursor=${body.next_cursor}` : '';
        pages += 1;
      } while (cursor !== '');
      expect([new Set(seen).size, pages]).toEqual([6, 2]);
    }
  });

  it('an account has a thousand at most', async () => {
    const account_id = await admin.account(0);
    await fill(account_id, 999);
    const answers = await Promise.all([1, 2, 3].map(() => admin.post('/chatbots', { account_id, ...NEW })));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([200, 403, 403]);
    const refused = answers.find(({ status }) => status === 403);
    expect(refused?.body.error).toMatchObject({
      code: 'storage_quota_exceeded',
      message: expect.stringContaining('1000 of at most 1000 chatbots'),
    });
    const [made] = answers.filter(({ status }) => status === 200);
    await admin.delete(`/chatbots/${made?.body.id}`);
    expect((await admin.post('/chatbots', { account_id, ...NEW })).status).toBe(200);
  });

  it('keeps the newest hundred versions of a chatbot, and the published one', async () => {
    const { id } = await create({ name: 'First' });
    await addVersions(id, 100);
    const path = `/chatbots/${id}`;
    expect((await admin.patch(path, { name: 'Newest', draft: true })).body).toMatchObject({
      version: 102,
      published_version: 1,
    });
    expect((await admin.get(`${path}/versions/1`)).body).toMatchObject({ name: 'First', published: true });
    expect((await admin.get(`${path}/versions/2`)).status).toBe(404);
    expect((await admin.get(`${path}/versions/3`)).status).toBe(200);
    await admin.post(`${path}/publish`);
    await admin.patch(path, { name: 'Later' });
    expect((await admin.get(`${path}/versions/1`)).status).toBe(404);
  });

  it('deletes one with its versions; nothing of it is left', async () => {
    const { id } = await create();
    await admin.patch(`/chatbots/${id}`, { name: 'Two' });
    const gone = await admin.delete(`/chatbots/${id}`);
    expect([gone.status, gone.body]).toEqual([200, { object: 'chatbot.deleted', id, deleted: true }]);
    for (const path of ['', '/versions', '/versions/1']) {
      expect((await admin.get(`/chatbots/${id}${path}`)).status).toBe(404);
    }
    expect((await admin.delete(`/chatbots/${id}`)).status).toBe(404);
    expect((await admin.patch(`/chatbots/${id}`, { name: 'x' })).status).toBe(404);
    const rows = await tollgate.app
      .get(Database)
      .kysely.selectFrom('chatbot_versions')
      .select('version')
      .where('chatbot_id', '=', id)
      .execute();
    expect(rows).toEqual([]);
  });

  it('is for the operator alone', async () => {
    const { id } = await create();
    const key = await admin.key({ account_id: accountId, manage_chatbots: true });
    expect((await tollgate.get(`/admin/v1/chatbots/${id}`, key.headers)).status).toBe(401);
    expect((await tollgate.get('/admin/v1/chatbots', key.headers)).status).toBe(401);
  });

  /** Chatbots of an account, past the limit of one at a time. */
  async function fill(account_id: string, count: number): Promise<void> {
    const ids = Array.from({ length: count }, () => newChatbotId());
    const { kysely } = tollgate.app.get(Database);
    for (let i = 0; i < count; i += 100) {
      const values = ids.slice(i, i + 100).map((id) => ({
        id,
        account_id,
        newest_version: 1,
        published_version: 1,
        revision: 1,
        created_at_ms: 1n,
        updated_at_ms: 1n,
      }));
      await kysely.insertInto('chatbots').values(values).execute();
    }
  }

  /** Copies of the first version after it, the first one still published. */
  async function addVersions(id: string, count: number): Promise<void> {
    const repository = tollgate.app.get(ChatbotRepository, { strict: false });
    const first = await repository.findVersion(id, 1);
    if (first === undefined) throw new Error('no such chatbot');
    await inTransaction(tollgate.app.get(Database).kysely, async (trx) => {
      for (let i = 1; i <= count; i += 1) await repository.insertVersion({ ...first, version: 1 + i }, trx);
      const head = { keyIds: undefined, newestVersion: 1 + count, publishedVersion: 1, updatedAtMs: 1 };
      await repository.update(id, 1, head, trx);
    });
  }
});

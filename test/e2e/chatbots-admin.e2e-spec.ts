import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { Tollgate } from '../support/tollgate.js';

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
    tollgate = await Tollgate.start();
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
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { catalogueYaml, MODEL, Tollgate } from '../support/tollgate.js';

const LISTS = [
  '/v1/models',
  '/models',
  '/v1/chat/models',
  '/api/v1/models',
  '/api/v1/chat/models',
  '/api/public/v1/openai/models',
];

interface ModelJson {
  readonly id: string;
  readonly [field: string]: unknown;
}

describe('chatbots among the models', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;

  beforeAll(async () => {
    tollgate = await Tollgate.start({ yaml: catalogueYaml('http://127.0.0.1:9/v1') });
    admin = new AdminClient(tollgate);
  });
  afterAll(() => tollgate.close());

  const create = async (account_id: string, fields: Record<string, unknown> = {}): Promise<string> => {
    const { status, body } = await admin.post('/chatbots', {
      account_id,
      name: 'Bot',
      model: MODEL,
      ...fields,
    });
    expect([status, body.error]).toEqual([200, undefined]);
    return body.id as string;
  };

  async function getJson(path: string, headers: Record<string, string>) {
    const response = await tollgate.get(path, headers);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  const modelsOf = async (path: string, headers: Record<string, string>): Promise<ModelJson[]> => {
    const { body } = await getJson(path, headers);
    expect(Object.keys(body)).toEqual(['object', 'data']);
    return body['data'] as ModelJson[];
  };

  const idsOf = async (headers: Record<string, string>): Promise<string[]> =>
    (await modelsOf('/v1/models', headers)).map(({ id }) => id);

  const chatbotsOf = async (headers: Record<string, string>): Promise<string[]> =>
    (await idsOf(headers)).filter((id) => id.startsWith('bot_'));

  it.each(LISTS)('stand after the models at %s, and are found by id', async (path) => {
    const key = await admin.key();
    const before = await modelsOf(path, key.headers);
    const first = await create(key.accountId, {
      name: 'Ä "1"',
      description: 'One\n',
      max_tokens: 100,
      overrides: [],
    });
    const second = await create(key.accountId);
    const shown = {
      id: first,
      object: 'model',
      created: expect.closeTo(Date.now() / 1000, -2),
      owned_by: key.accountId,
      name: 'Ä "1"',
      description: 'One\n',
      context_length: 1_048_576,
      max_completion_tokens: 100,
      pricing: { prompt: '0.0000003', completion: '0.0000025' },
    };
    const after = await modelsOf(path, key.headers);
    expect(after.slice(0, before.length)).toEqual(before);
    const own = after.slice(before.length);
    expect(own).toHaveLength(2);
    expect(own).toEqual(expect.arrayContaining([shown, expect.objectContaining({ id: second })]));
    expect(own).toContainEqual((await getJson(`${path}/${first}`, key.headers)).body);
  });

  it.each([
    [{}, 65_536],
    [{ max_tokens: 5_000 }, 65_536],
    [{ overrides: [], max_tokens: 1_000_000 }, 65_536],
    [{ overrides: [] }, 4_096],
    [{ overrides: [], max_tokens: 5_000 }, 5_000],
  ])('with %j an answer has at most %i tokens', async (fields, max_completion_tokens) => {
    const key = await admin.key();
    const id = await create(key.accountId, fields);
    expect((await getJson(`/v1/models/${id}`, key.headers)).body).toMatchObject({ max_completion_tokens });
  });

  it.each(LISTS)('S33: of another account do not exist at %s', async (path) => {
    const [mine, theirs] = [await admin.key({ manage_chatbots: true }), await admin.key()];
    const id = await create(theirs.accountId);
    const never = `bot_${'0'.repeat(32)}`;
    expect((await modelsOf(path, mine.headers)).map((model) => model.id)).not.toContain(id);
    const [hidden, absent] = [id, never].map((name) => getJson(`${path}/${name}`, mine.headers));
    expect((await hidden)?.status).toBe(404);
    expect(JSON.stringify(await hidden)).toBe(JSON.stringify(await absent).replaceAll(never, id));
    expect((await getJson(`${path}/${id}`, theirs.headers)).status).toBe(200);
  });

  it('are shown to the keys that may use them, and to no others', async () => {
    const plain = await admin.key();
    const account_id = plain.accountId;
    const id = await create(account_id);
    const listed = await admin.key({ account_id, models: [id] });
    const unlisted = await admin.key({ account_id, models: [MODEL], manage_chatbots: true });
    const closed = await create(account_id, { keys: [listed.id] });
    expect(await chatbotsOf(plain.headers)).toEqual([id]);
    expect(await idsOf(listed.headers)).toEqual([id]);
    expect(await idsOf(unlisted.headers)).toEqual([MODEL]);
    expect((await getJson(`/v1/models/${closed}`, plain.headers)).status).toBe(404);
    await admin.patch(`/keys/${listed.id}`, { models: [id, closed] });
    expect((await idsOf(listed.headers)).toSorted()).toEqual([id, closed].toSorted());
  });

  it('are shown while they are published, and with what is published', async () => {
    const { accountId, headers } = await admin.key();
    const id = await create(accountId, { name: 'First', draft: true });
    expect(await chatbotsOf(headers)).toEqual([]);
    expect((await getJson(`/v1/models/${id}`, headers)).status).toBe(404);
    await admin.post(`/chatbots/${id}/publish`);
    await admin.patch(`/chatbots/${id}`, { name: 'Second', draft: true });
    expect((await modelsOf('/v1/models', headers)).at(-1)).toMatchObject({ id, name: 'First' });
    await admin.post(`/chatbots/${id}/publish`);
    expect((await modelsOf('/v1/models', headers)).at(-1)).toMatchObject({ id, name: 'Second' });
    expect((await getJson(`/v1/models/${id}`, headers)).body).toMatchObject({ name: 'Second' });
    for (const version of ['@1', '@draft']) {
      expect((await getJson(`/v1/models/${id}${version}`, headers)).status).toBe(404);
    }
    await admin.post(`/chatbots/${id}/unpublish`);
    expect(await chatbotsOf(headers)).toEqual([]);
    await admin.post(`/chatbots/${id}/publish`);
    expect(await chatbotsOf(headers)).toEqual([id]);
    await admin.delete(`/chatbots/${id}`);
    expect(await chatbotsOf(headers)).toEqual([]);
    expect((await getJson(`/v1/models/${id}`, headers)).status).toBe(404);
  });

  it('cannot be deleted there', async () => {
    const { accountId, headers } = await admin.key({ manage_chatbots: true });
    const id = await create(accountId);
    expect((await tollgate.request('DELETE', `/v1/models/${id}`, { headers })).status).toBe(403);
    expect(await chatbotsOf(headers)).toEqual([id]);
  });
});

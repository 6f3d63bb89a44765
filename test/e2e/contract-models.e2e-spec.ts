import { describe, expect, it } from '@jest/globals';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { L, Q, SURFACES, W, type WireSurface } from '../support/wire-surfaces.js';

const SLASHED = 'google/gemini-2.5-flash';

/** One model that says everything of itself, one that says nothing. */
const MODELS = `
  - id: ${SLASHED}
    name: Gemini 2.5 Flash
    description: Fast.
    owned_by: google
    created: 1750000000
    context_length: 1048576
    max_completion_tokens: 65536
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes: [ { upstream: main, model: gemini-2.5-flash } ]
  - id: terse
    pricing: { prompt: "0", completion: "0" }
    routes: [ { upstream: main, model: terse-upstream } ]
`;

const GEMINI = {
  id: SLASHED,
  object: 'model',
  created: 1750000000,
  owned_by: 'google',
  name: 'Gemini 2.5 Flash',
  description: 'Fast.',
  context_length: 1048576,
  max_completion_tokens: 65536,
  pricing: { prompt: '0.0000003', completion: '0.0000025' },
};

const KEYS_OF_A_MODEL = Object.keys(GEMINI).toSorted();

/** Every models route, by the dialect of its errors. */
const LISTS: readonly (readonly [path: string, surface: WireSurface])[] = [
  ['/v1/chat/models', Q],
  ['/v1/models', W],
  ['/api/v1/chat/models', Q],
  ['/api/v1/models', Q],
  ['/models', W],
  ['/api/public/v1/openai/models', L],
];

interface ModelList {
  object: string;
  data: Record<string, unknown>[];
}

describe('the models routes', () => {
  const app = useWireApp({ models: MODELS });

  async function list(path: string): Promise<ModelList> {
    const response = await app.tollgate.get(path);
    expect(response.status).toBe(200);
    return (await response.json()) as ModelList;
  }

  it('case 68: the four paths of the seeds give one and the same list', async () => {
    const lists = await Promise.all(
      ['/v1/chat/models', '/v1/models', '/api/v1/chat/models', '/api/v1/models'].map(list),
    );
    expect(lists[0]).toMatchObject({ object: 'list' });
    expect(lists[0]?.data.map(({ id }) => id)).toEqual(
      expect.arrayContaining([MODEL, SLASHED, 'terse', 'sandbox/chat']),
    );
    for (const other of lists.slice(1)) expect(other).toEqual(lists[0]);
  });

  it.each(LISTS)('case 68, 86: %s lists models with every key of every dialect', async (path) => {
    const { object, data } = await list(path);
    expect(object).toBe('list');
    for (const model of data) {
      expect(Object.keys(model).toSorted()).toEqual(KEYS_OF_A_MODEL);
      expect(model).toEqual({
        id: expect.any(String),
        object: 'model',
        created: expect.any(Number),
        owned_by: expect.any(String),
        name: expect.any(String),
        description: expect.any(String),
        context_length: expect.any(Number),
        max_completion_tokens: expect.any(Number),
        pricing: expect.objectContaining({ prompt: expect.any(String), completion: expect.any(String) }),
      });
    }
    expect(data.find(({ id }) => id === SLASHED)).toEqual(GEMINI);
  });

  it('case 86: a model that says nothing of itself has the seed’s defaults', async () => {
    const { data } = await list(L.models);
    expect(data.find(({ id }) => id === 'terse')).toEqual({
      id: 'terse',
      object: 'model',
      created: 0,
      owned_by: 'lightningrodlabs',
      name: 'terse',
      description: '',
      context_length: 0,
      max_completion_tokens: 0,
      pricing: { prompt: '0', completion: '0' },
    });
  });

  it.each(LISTS)('case 69, 87: %s/{model} takes a slash raw or encoded', async (path) => {
    for (const spelling of [
      SLASHED,
      'google%2Fgemini-2.5-flash',
      'google%2fgemini-2.5-flash',
      `${SLASHED}/`,
    ]) {
      const response = await app.tollgate.get(`${path}/${spelling}`);
      expect({ spelling, status: response.status, body: await response.json() }).toEqual({
        spelling,
        status: 200,
        body: GEMINI,
      });
    }
  });

  it.each(LISTS)('case 69: %s/{model} does not know others', async (path, surface) => {
    const response = await app.tollgate.get(`${path}/no%2Fsuch-model`);
    await expectFailure(response, surface, 404, {
      message: "The model 'no/such-model' does not exist",
      type: 'invalid_request_error',
      param: 'model',
      code: 'model_not_found',
    });
  });

  it('case 69: an id is decoded once', async () => {
    const response = await app.tollgate.get(`${Q.models}/google%252Fgemini-2.5-flash`);
    await expectFailure(response, Q, 404, {
      message: "The model 'google%2Fgemini-2.5-flash' does not exist",
    });
  });

  it.each(LISTS)('case 69: %s needs a key, list and model alike', async (path, surface) => {
    for (const url of [path, `${path}/${SLASHED}`]) {
      await expectFailure(await app.tollgate.get(url, { authorization: undefined }), surface, 401, {
        code: null,
      });
    }
  });

  it.each(LISTS)('case 69: %s takes either header for the key', async (path) => {
    const response = await app.tollgate.get(path, {
      authorization: undefined,
      'x-api-key': app.tollgate.key,
    });
    expect(response.status).toBe(200);
  });

  it.each(LISTS)('%s takes a slash at its end and a query that it does not know', async (path) => {
    expect((await app.tollgate.get(`${path}/`)).status).toBe(200);
    expect((await app.tollgate.get(`${path}?api-version=1`)).status).toBe(200);
  });

  it.each(LISTS)('models of %s cannot be deleted over this API', async (path, surface) => {
    const response = await app.tollgate.request('DELETE', `${path}/${SLASHED}`);
    await expectFailure(response, surface, 403, {
      message: 'You have insufficient permissions for this operation.',
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
  });

  it.each(LISTS)('case 84: nothing is posted to %s', async (path, surface) => {
    const toList = await app.tollgate.post(path, {});
    await expectFailure(toList, surface, 405, { message: expect.stringContaining(`POST on ${path}.`) });
    expect(toList.headers.get('allow')).toBe('GET, HEAD');
    const toModel = await app.tollgate.post(`${path}/${SLASHED}`, {});
    await expectFailure(toModel, surface, 405);
    expect(toModel.headers.get('allow')).toBe('DELETE, GET, HEAD');
  });

  it.each(SURFACES)('a key sees the models that it may use and no others ($name)', async (surface) => {
    const { secret } = await app.tollgate.newKey({ allowedModels: [SLASHED] });
    const headers = { authorization: `Bearer ${secret}` };
    const response = await app.tollgate.get(surface.models, headers);
    expect(await response.json()).toEqual({ object: 'list', data: [GEMINI] });
    const hidden = await app.tollgate.get(`${surface.models}/${MODEL}`, headers);
    await expectFailure(hidden, surface, 404, { code: 'model_not_found' });
  });
});

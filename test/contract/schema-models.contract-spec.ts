import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ContractHarness } from './harness.js';
import { expectToMatchSchema } from './schemas/json-schema.js';
import { MODEL_LIST, MODEL_OBJECT } from './schemas/models.js';

let harness: ContractHarness;
beforeAll(async () => {
  harness = await ContractHarness.start();
});
afterAll(() => harness.close());

describe.each([
  '/v1/models',
  '/models',
  '/v1/chat/models',
  '/api/v1/models',
  '/api/v1/chat/models',
  '/api/public/v1/openai/models',
])('every model of GET %s has exactly the keys of LightningRod’s description', (path) => {
  it('case 68, 86: in the list', async () => {
    const list: unknown = await (await harness.tollgate.get(path)).json();
    expectToMatchSchema(list, MODEL_LIST);
  });

  it('case 69, 87: by itself, as it stands in the list', async () => {
    const { data } = (await (await harness.tollgate.get(path)).json()) as { data: { id: string }[] };
    for (const listed of data) {
      const model: unknown = await (await harness.tollgate.get(`${path}/${listed.id}`)).json();
      expectToMatchSchema(model, MODEL_OBJECT);
      expect(model).toEqual(listed);
    }
  });
});

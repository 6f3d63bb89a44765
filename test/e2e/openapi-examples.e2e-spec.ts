import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { operationsOf, type OpenApi } from '../support/openapi-document.js';
import { ADMIN_KEY, Tollgate } from '../support/tollgate.js';

/** The account that examples of the admin API name. */
const EXAMPLE_ACCOUNT = 'acct_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d';

interface Example {
  readonly value: Record<string, unknown>;
}

describe('the examples of the OpenAPI document', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;
  let document: OpenApi;
  let account: string;
  let key: { id: string; headers: Record<string, string> };

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
    account = await admin.account(1_000);
    key = await admin.key({ account_id: account, manage_chatbots: true });
    document = (await (await fetch(`${tollgate.origin}/openapi.json`)).json()) as OpenApi;
  });
  afterAll(() => tollgate.close());

  const own = async (url: string, body: unknown): Promise<string> => {
    const response = await tollgate.post(url, body, key.headers);
    return ((await response.json()) as { id: string }).id;
  };

  /** A path that leads to something new, made for this one call. */
  async function filled(path: string): Promise<string> {
    if (path.includes('/accounts/{id}')) return path.replace('{id}', await admin.account(10));
    if (path.includes('/keys/{id}')) return path.replace('{id}', (await admin.key()).id);
    if (path.includes('/chatbots/{id}')) {
      const id = await own('/v1/chatbots', { name: 'Guide', model: 'sandbox/chat' });
      return path.replace('{id}', id).replace('{version}', '1');
    }
    if (path.includes('{conversation_id}'))
      return path.replace('{conversation_id}', await own('/v1/conversations', {}));
    if (path.includes('{completion_id}')) {
      const body = { model: 'sandbox/echo', messages: [{ role: 'user', content: 'hi' }], store: true };
      return path.replace('{completion_id}', await own('/v1/chat/completions', body));
    }
    return path;
  }

  it('are there for every operation that takes a body, and every one is answered', async () => {
    const answered: unknown[] = [];
    for (const { method, path, operation } of operationsOf(document)) {
      if (operation.requestBody === undefined) continue;
      const { examples } = operation.requestBody.content['application/json'] as unknown as {
        examples?: Record<string, Example>;
      };
      expect([operation.operationId, Object.keys(examples ?? {}).length]).not.toContain(0);
      for (const [name, { value }] of Object.entries(examples ?? {})) {
        const text = JSON.stringify(value).replaceAll(EXAMPLE_ACCOUNT, account);
        const headers = path.startsWith('/admin') ? { authorization: `Bearer ${ADMIN_KEY}` } : key.headers;
        const response = await tollgate.request(method.toUpperCase(), await filled(path), {
          body: text,
          headers: { 'content-type': 'application/json', ...headers },
        });
        const body = await response.text();
        answered.push([operation.operationId, name, response.status, response.ok ? '' : body]);
      }
    }
    expect(answered.length).toBeGreaterThan(40);
    expect(answered.filter((each) => (each as [string, string, number])[2] !== 200)).toEqual([]);
  }, 60_000);

  it('come first of all in the first dialect, grouped by resource, then the operator’s', () => {
    const tags = document.tags.map(({ name }) => name);
    expect(tags.slice(0, 3)).toEqual(['Chat completions', 'Completions', 'Models']);
    expect(tags.filter((name) => name.startsWith('Admin: '))).toHaveLength(5);
    expect(tags.slice(-2)).toEqual(['Q: Qolaba', 'L: LightningRod']);
    const used = operationsOf(document).flatMap(({ operation }) => operation.tags ?? []);
    expect(new Set(used)).toEqual(new Set(tags));
  });

  it('hold the admin API, which takes the admin key alone', () => {
    const operations = operationsOf(document).filter(({ path }) => path.startsWith('/admin/v1/'));
    expect(operations.length).toBeGreaterThan(20);
    for (const { operation } of operations) expect(operation.security).toEqual([{ AdminKey: [] }]);
  });

  it('are shown on a page without the aliases, which keeps the key', async () => {
    const init = await (await fetch(`${tollgate.origin}/docs/swagger-ui-init.js`)).text();
    expect(init).toMatch(/"persistAuthorization": ?true/);
    for (const path of ['/v1/chat/completions', '/api/v1/models', '/admin/v1/keys'])
      expect(init).toContain(`"${path}"`);
    for (const alias of ['/chat/completions', '/models', '/v1/chat/models', '/api/v1/chat/models/{model}']) {
      expect(init).not.toContain(`"${alias}"`);
      expect(document.paths).toHaveProperty([alias]);
    }
  });
});

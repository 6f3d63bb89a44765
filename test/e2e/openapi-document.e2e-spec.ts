import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OpenApiJudge, operationsOf, type OpenApi } from '../support/openapi-document.js';
import { Tollgate } from '../support/tollgate.js';

const JSON_TYPE = 'application/json';
const IMAGE = { type: 'image_url', image_url: { url: 'https://example.org/a.png', detail: null } };
const CALL_AND_ANSWER = [
  { role: 'user', content: 'hi' },
  {
    role: 'assistant',
    content: null,
    refusal: null,
    tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } }],
  },
  { role: 'tool', tool_call_id: 'call_1', content: 'nothing' },
];

describe('the OpenAPI document', () => {
  let tollgate: Tollgate;
  let document: OpenApi;
  let judge: OpenApiJudge;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    document = (await (await fetch(`${tollgate.origin}/openapi.json`)).json()) as OpenApi;
    judge = new OpenApiJudge(document);
  });
  afterAll(() => tollgate.close());

  it('is OpenAPI 3.1 and the one that is stored: npm run openapi writes it', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document).toEqual(JSON.parse(readFileSync('docs/openapi.json', 'utf8')));
  });

  it('names every operation once, readably', () => {
    const ids = operationsOf(document).map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => !/^[a-z][A-Za-z]+(_[a-z0-9]+)*$/.test(id))).toEqual([]);
  });

  it('keeps the names that generated clients rely on', () => {
    const names = operationsOf(document).map(({ method, path, operation }) => [
      operation.operationId,
      `${method} ${path}`,
    ]);
    expect(Object.fromEntries(names)).toMatchObject({
      createChatCompletion: 'post /v1/chat/completions',
      createChatCompletion_root: 'post /chat/completions',
      createChatCompletion_api_v1: 'post /api/v1/chat/completions',
      createChatCompletion_api_public_v1_openai: 'post /api/public/v1/openai/chat/completions',
      createCompletion: 'post /v1/completions',
      createCompletion_api_v1: 'post /api/v1/completions',
      createCompletion_api_public_v1_openai: 'post /api/public/v1/openai/completions',
      listModels: 'get /v1/models',
      listModels_v1_chat: 'get /v1/chat/models',
      listModels_api_v1: 'get /api/v1/models',
      listModels_api_v1_chat: 'get /api/v1/chat/models',
      retrieveModel: 'get /v1/models/{model}',
    });
  });

  it('resolves every reference', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/([^"]+)"/g)];
    expect(references.length).toBeGreaterThan(100);
    const lost = references.filter(([, reference = '']) => {
      const [kind = '', name = ''] = reference.split('/');
      return !Object.hasOwn((document.components as unknown as Record<string, object>)[kind] ?? {}, name);
    });
    expect(lost).toEqual([]);
    expect(JSON.stringify(document).match(/"\$ref":"(?!#\/components\/)/)).toBeNull();
    for (const schema of Object.values(document.components.schemas)) judge.compile(schema);
  });

  it('gives every response of every operation a description and a schema', () => {
    const bare = operationsOf(document).flatMap(({ method, path, operation }) =>
      Object.entries(operation.responses)
        .filter(([, { description, content }]) => {
          const media = Object.values(content ?? {});
          return description === '' || media.length === 0 || media.some(({ schema }) => schema === undefined);
        })
        .map(([status]) => `${method} ${path} ${status}`),
    );
    expect(bare).toEqual([]);
  });

  it('lets every operation be called with either header, under a declared tag, and says what it does', () => {
    const tags = document.tags.map(({ name }) => name);
    expect(Object.keys(document.components.securitySchemes).toSorted()).toEqual([
      'AdminKey',
      'Bearer',
      'X-API-Key',
    ]);
    const surfaces = operationsOf(document).filter(({ path }) => !path.startsWith('/admin'));
    for (const { operation } of surfaces) {
      expect(operation.security).toEqual([{ Bearer: [] }, { 'X-API-Key': [] }]);
      expect(tags).toEqual(expect.arrayContaining(operation.tags ?? ['no tag']));
      expect(operation.summary).toEqual(expect.any(String));
    }
  });

  it.each([
    ['/v1/chat/completions', '200 400 401 403 404 405 408 409 413 415 429 499 500 503'],
    ['/v1/completions', '200 400 401 403 404 405 408 409 413 415 429 499 500 503'],
    ['/api/v1/chat/completions', '200 400 401 403 404 405 408 409 413 415 429 500 502 503 504'],
    [
      '/api/public/v1/openai/chat/completions',
      '200 400 401 403 404 405 408 409 413 415 422 429 500 502 503 504',
    ],
  ])('publishes the statuses of the dialect at %s', (path, statuses) => {
    expect(Object.keys(judge.operation('post', path).responses).join(' ')).toBe(statuses);
  });

  it('shows only examples that its own schemas allow', () => {
    let examples = 0;
    for (const { operation } of operationsOf(document)) {
      for (const [status, { content = {} }] of Object.entries(operation.responses)) {
        for (const [mediaType, media] of Object.entries(content)) {
          for (const [name, { $ref }] of Object.entries(media.examples ?? {})) {
            const { value } = document.components.examples[$ref.split('/').at(-1) ?? ''] ?? {};
            examples += 1;
            const faults = judge.faultsOf(operation, Number(status), mediaType, value);
            expect([operation.operationId, name, faults]).toEqual([operation.operationId, name, []]);
          }
        }
      }
    }
    expect(examples).toBeGreaterThan(100);
  });

  it.each([
    ['an assistant that only called tools', true, CALL_AND_ANSWER],
    ['null in optional fields at any depth', true, [{ role: 'user', name: null, content: [IMAGE] }]],
    ['a user without content', false, [{ role: 'user', content: null }]],
    ['an unknown role', false, [{ role: 'bot', content: 'hi' }]],
    ['no message', false, []],
  ])('publishes as the rule for messages what is the rule: %s', async (_what, allowed, messages) => {
    const { schema = {} } =
      judge.operation('post', '/v1/chat/completions').requestBody?.content[JSON_TYPE] ?? {};
    const body = { model: 'sandbox/chat', messages, temperature: null };
    expect(judge.compile(schema)(body)).toBe(allowed);
    const response = await tollgate.post('/v1/chat/completions', body);
    expect(response.status).toBe(allowed ? 200 : 400);
    await response.body?.cancel();
  });

  it('has a request example that the gateway answers', async () => {
    const { schemas } = document.components;
    for (const [path, name] of [
      ['/v1/chat/completions', 'ChatCompletionRequest'],
      ['/v1/completions', 'CompletionRequest'],
    ] as const) {
      const properties = schemas[name]?.properties as Record<string, { example?: unknown }>;
      const body = Object.entries(properties).flatMap(([field, { example }]) =>
        example === undefined ? [] : [[field, example]],
      );
      const response = await tollgate.post(path, Object.fromEntries(body));
      expect(response.status).toBe(200);
      await response.body?.cancel();
    }
  });
});

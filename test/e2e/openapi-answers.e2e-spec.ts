import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { OpenApiJudge, type OpenApi } from '../support/openapi-document.js';
import { Tollgate } from '../support/tollgate.js';

const BASES = ['/v1', '/api/v1', '/api/public/v1/openai'];
const USER = [{ role: 'user', content: 'What is the weather in Paris? Use get_weather.' }];
const TOOLS = [
  {
    type: 'function',
    function: {
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } } },
    },
  },
  { type: 'custom', custom: { name: 'note' } },
];

const CHATS: [what: string, body: object][] = [
  ['plain', { model: 'sandbox/chat' }],
  ['two choices with log probabilities', { model: 'sandbox/chat', n: 2, logprobs: true, top_logprobs: 2 }],
  ['reasoning', { model: 'sandbox/reasoner' }],
  ['a tool call', { model: 'sandbox/chat', tools: TOOLS, tool_choice: 'required' }],
  [
    'a custom tool call',
    { model: 'sandbox/chat', tools: TOOLS, tool_choice: { type: 'custom', custom: { name: 'note' } } },
  ],
  [
    'a deprecated function call',
    { model: 'sandbox/chat', functions: [{ name: 'get_weather' }], function_call: { name: 'get_weather' } },
  ],
  ['a refusal', { model: 'sandbox/refusal' }],
  ['nothing', { model: 'sandbox/empty' }],
  ['cut', { model: 'sandbox/chat', max_tokens: 3 }],
];
const TEXTS: [what: string, body: object][] = [
  ['plain', { model: 'sandbox/chat', prompt: 'Once' }],
  [
    'echo with log probabilities',
    { model: 'sandbox/chat', prompt: ['Once', 'Twice'], n: 2, echo: true, logprobs: 2 },
  ],
  ['refusal', { model: 'sandbox/refusal', prompt: 'Once' }],
];
interface Failure {
  readonly status: string;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}
const FAILURES: Failure[] = [
  { status: '400 or 422', body: {} },
  { status: '400 or 422', body: '{' },
  {
    status: '400 or 422',
    body: { model: 'sandbox/chat', messages: [{ role: 'bot', content: 3 }], temperature: 'hot', stop: 5 },
  },
  { status: '400', body: { model: 'sandbox/error-400', messages: USER } },
  { status: '401', body: '{', headers: { authorization: 'Bearer wrong' } },
  { status: '404', body: { model: 'nobody/nothing', messages: USER } },
  { status: '415', body: 'text', headers: { 'content-type': 'text/plain' } },
  { status: '429 or 499', body: { model: 'sandbox/error-429', messages: USER } },
  { status: '502 or 499', body: { model: 'sandbox/error-500', messages: USER } },
  { status: '502 or 499', body: { model: 'sandbox/error-503', messages: USER, stream: true } },
  { status: '504 or 499', body: { model: 'sandbox/timeout', messages: USER } },
];

describe.each(BASES)('what %s answers is what the document says, key by key', (base) => {
  let tollgate: Tollgate;
  let judge: OpenApiJudge;

  beforeAll(async () => {
    tollgate = await Tollgate.start({ env: { UPSTREAM_TIMEOUT_MS: '200' } });
    judge = new OpenApiJudge((await (await fetch(`${tollgate.origin}/openapi.json`)).json()) as OpenApi);
  });
  afterAll(() => tollgate.close());

  async function judged(path: string, body: unknown, headers?: Record<string, string>): Promise<Response> {
    const response = await tollgate.post(`${base}${path}`, body, headers);
    const operation = judge.operation('post', `${base}${path}`);
    const [mediaType = ''] = (response.headers.get('content-type') ?? '').split(';');
    const text = await response.clone().text();
    const bodies = mediaType === 'text/event-stream' ? eventsOf(text) : [JSON.parse(text)];
    for (const each of bodies)
      expect(judge.faultsOf(operation, response.status, mediaType, each)).toEqual([]);
    return response;
  }

  it.each(CHATS)('chat: %s', async (_what, body) => {
    expect((await judged('/chat/completions', { messages: USER, ...body })).status).toBe(200);
  });

  it.each(CHATS)('chat, streamed: %s', async (_what, body) => {
    const asked = { messages: USER, ...body, stream: true, stream_options: { include_usage: true } };
    const response = await judged('/chat/completions', asked);
    expect(eventsOf(await response.text()).length).toBeGreaterThan(2);
  });

  it('chat, streamed: with obfuscation', async () => {
    const asked = { model: 'sandbox/echo', messages: USER, stream: true };
    const response = await judged('/chat/completions', {
      ...asked,
      stream_options: { include_obfuscation: true },
    });
    expect(await response.text()).toContain('obfuscation');
  });

  it('chat, streamed: broken off', async () => {
    const asked = { model: 'sandbox/disconnect', messages: USER, stream: true };
    const events = eventsOf(await (await judged('/chat/completions', asked)).text());
    expect(events.at(-2)).toHaveProperty('error');
  });

  it.each(TEXTS)('completion: %s', async (_what, body) => {
    expect((await judged('/completions', body)).status).toBe(200);
  });

  it.each(TEXTS)('completion, streamed: %s', async (_what, body) => {
    const asked = { ...body, stream: true, stream_options: { include_usage: true } };
    expect(eventsOf(await (await judged('/completions', asked)).text()).length).toBeGreaterThan(1);
  });

  it.each(FAILURES)('failure: $status for $body', async ({ status, body, headers }) => {
    const response = await judged('/chat/completions', body, headers);
    expect(status.split(' or ')).toContain(String(response.status));
  });

  it('models', async () => {
    const list = judge.operation('get', `${base}/models`);
    const models = await tollgate.get(`${base}/models`);
    expect(judge.faultsOf(list, models.status, 'application/json', await models.json())).toEqual([]);
    const one = judge.operation('get', `${base}/models/{model}`);
    const model = await tollgate.get(`${base}/models/sandbox/chat`);
    expect(judge.faultsOf(one, model.status, 'application/json', await model.json())).toEqual([]);
  });
});

function eventsOf(text: string): unknown[] {
  return [...text.matchAll(/^data: (?!\[DONE\])(.*)$/gm)].map(
    (match) => JSON.parse(match[1] ?? '') as unknown,
  );
}

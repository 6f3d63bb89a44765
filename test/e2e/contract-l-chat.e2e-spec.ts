import { describe, expect, it } from '@jest/globals';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, L } from '../support/wire-surfaces.js';

type Over = Record<string, unknown>;

/** One entry of a FastAPI 422. */
interface Detail {
  type: string;
  loc: (string | number)[];
  msg: string;
  input: unknown;
  ctx?: Record<string, unknown>;
}

const LENGTH = { field_type: 'List' };
const FRACTION = 'Input should be a valid integer, got a number with a fractional part';

describe('POST /api/public/v1/openai/chat/completions', () => {
  const app = useWireApp();

  it('case 73: an answer has everything that the seed requires, and its usage', async () => {
    const response = await app.tollgate.post(L.chat, chatBody());
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^chatcmpl-[0-9a-f]{29}$/),
      object: 'chat.completion',
      created: expect.any(Number),
      model: MODEL,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: 'Hello there!', refusal: null },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 9,
        completion_tokens: 3,
        total_tokens: 12,
        prompt_tokens_details: expect.any(Object),
        completion_tokens_details: expect.any(Object),
      },
      system_fingerprint: 'fp_fake',
    });
  });

  it('case 74: an empty object lacks exactly two things', async () => {
    const { detail } = await expectFailure(await app.tollgate.post(L.chat, {}), L, 422, {
      message: 'body.model: Field required',
      type: 'invalid_request_error',
      param: 'model',
      code: 'missing_required_parameter',
    });
    expect(detail).toEqual([
      { type: 'missing', loc: ['body', 'model'], msg: 'Field required', input: {} },
      { type: 'missing', loc: ['body', 'messages'], msg: 'Field required', input: {} },
    ]);
  });

  it('case 74: a missing field is told with the whole body', async () => {
    const body = { model: MODEL, temperature: 1 };
    const { detail } = await expectFailure(await app.tollgate.post(L.chat, body), L, 422, {
      param: 'messages',
    });
    expect(detail).toEqual([
      { type: 'missing', loc: ['body', 'messages'], msg: 'Field required', input: body },
    ]);
  });

  it.each<[string, Over, Detail[], string, string]>([
    [
      'case 75: temperature 3',
      { temperature: 3 },
      [
        {
          type: 'less_than_equal',
          loc: ['body', 'temperature'],
          msg: 'Input should be less than or equal to 2',
          input: 3,
          ctx: { le: 2 },
        },
      ],
      'temperature',
      'invalid_value',
    ],
    [
      'case 75: temperature -0.1',
      { temperature: -0.1 },
      [
        {
          type: 'greater_than_equal',
          loc: ['body', 'temperature'],
          msg: 'Input should be greater than or equal to 0',
          input: -0.1,
          ctx: { ge: 0 },
        },
      ],
      'temperature',
      'invalid_value',
    ],
    [
      'case 75: top_p 1.1',
      { top_p: 1.1 },
      [
        {
          type: 'less_than_equal',
          loc: ['body', 'top_p'],
          msg: 'Input should be less than or equal to 1',
          input: 1.1,
          ctx: { le: 1 },
        },
      ],
      'top_p',
      'invalid_value',
    ],
    [
      'case 76: temperature "hot"',
      { temperature: 'hot' },
      [
        {
          type: 'float_type',
          loc: ['body', 'temperature'],
          msg: 'Input should be a valid number',
          input: 'hot',
        },
      ],
      'temperature',
      'invalid_type',
    ],
    [
      'case 76: stream "true"',
      { stream: 'true' },
      [{ type: 'bool_type', loc: ['body', 'stream'], msg: 'Input should be a valid boolean', input: 'true' }],
      'stream',
      'invalid_type',
    ],
    [
      'case 77: an empty message',
      { messages: [{}] },
      [
        { type: 'missing', loc: ['body', 'messages', 0, 'role'], msg: 'Field required', input: {} },
        { type: 'missing', loc: ['body', 'messages', 0, 'content'], msg: 'Field required', input: {} },
      ],
      'messages[0].role',
      'missing_required_parameter',
    ],
    [
      'case 77: an unknown role',
      { messages: [{ role: 'bot', content: 'hi' }] },
      [
        {
          type: 'literal_error',
          loc: ['body', 'messages', 0, 'role'],
          msg: "Input should be 'system', 'assistant', 'user', 'function', 'tool' or 'developer'",
          input: 'bot',
          ctx: { expected: "'system', 'assistant', 'user', 'function', 'tool' or 'developer'" },
        },
      ],
      'messages[0].role',
      'invalid_value',
    ],
    [
      'case 77: content that is no text',
      { messages: [{ role: 'user', content: 5 }] },
      [
        {
          type: 'string_type',
          loc: ['body', 'messages', 0, 'content'],
          msg: 'Input should be a valid string',
          input: 5,
        },
      ],
      'messages[0].content',
      'invalid_type',
    ],
    [
      'case 80: max_tokens 1.5',
      { max_tokens: 1.5 },
      [{ type: 'int_from_float', loc: ['body', 'max_tokens'], msg: FRACTION, input: 1.5 }],
      'max_tokens',
      'invalid_type',
    ],
    [
      'case 80: max_tokens 0',
      { max_tokens: 0 },
      [
        {
          type: 'greater_than_equal',
          loc: ['body', 'max_tokens'],
          msg: 'Input should be greater than or equal to 1',
          input: 0,
          ctx: { ge: 1 },
        },
      ],
      'max_tokens',
      'invalid_value',
    ],
    [
      'case 80: max_tokens "5"',
      { max_tokens: '5' },
      [{ type: 'int_type', loc: ['body', 'max_tokens'], msg: 'Input should be a valid integer', input: '5' }],
      'max_tokens',
      'invalid_type',
    ],
    [
      'case 81: stop 5',
      { stop: 5 },
      [
        {
          type: 'string_type',
          loc: ['body', 'stop', 'str'],
          msg: 'Input should be a valid string',
          input: 5,
        },
        {
          type: 'list_type',
          loc: ['body', 'stop', 'list[str]'],
          msg: 'Input should be a valid list',
          input: 5,
        },
      ],
      'stop',
      'invalid_type',
    ],
    [
      'case 81: five stop sequences',
      { stop: ['1', '2', '3', '4', '5'] },
      [
        {
          type: 'too_long',
          loc: ['body', 'stop', 'list[str]'],
          msg: 'List should have at most 4 items after validation, not 5',
          input: ['1', '2', '3', '4', '5'],
          ctx: { ...LENGTH, max_length: 4, actual_length: 5 },
        },
      ],
      'stop',
      'invalid_value',
    ],
    [
      'case 82: no message in messages',
      { messages: [] },
      [
        {
          type: 'too_short',
          loc: ['body', 'messages'],
          msg: 'List should have at least 1 item after validation, not 0',
          input: [],
          ctx: { ...LENGTH, min_length: 1, actual_length: 0 },
        },
      ],
      'messages',
      'invalid_value',
    ],
    [
      'case 82: messages as text',
      { messages: 'x' },
      [{ type: 'list_type', loc: ['body', 'messages'], msg: 'Input should be a valid list', input: 'x' }],
      'messages',
      'invalid_type',
    ],
    [
      'case 76: several faults, one entry each',
      { temperature: 3, n: 0, seed: 'x' },
      [
        {
          type: 'less_than_equal',
          loc: ['body', 'temperature'],
          msg: 'Input should be less than or equal to 2',
          input: 3,
          ctx: { le: 2 },
        },
        {
          type: 'greater_than_equal',
          loc: ['body', 'n'],
          msg: 'Input should be greater than or equal to 1',
          input: 0,
          ctx: { ge: 1 },
        },
        { type: 'int_type', loc: ['body', 'seed'], msg: 'Input should be a valid integer', input: 'x' },
      ],
      'temperature',
      'invalid_value',
    ],
  ])('%s is refused as FastAPI does', async (_name, over, expected, param, code) => {
    const { detail } = await expectFailure(await app.tollgate.post(L.chat, chatBody(over)), L, 422, {
      message: `${expected[0]?.loc.join('.')}: ${expected[0]?.msg}`,
      type: 'invalid_request_error',
      param,
      code,
    });
    expect(detail).toEqual(expected);
    expect(app.upstream.requests).toHaveLength(0);
  });

  it('case 75: on the wire an entry has its keys in pydantic’s order', async () => {
    const text = await (await app.tollgate.post(L.chat, chatBody({ temperature: 3 }))).text();
    expect(text).toContain(
      '"detail":[{"type":"less_than_equal","loc":["body","temperature"],"msg":"Input should be less than or equal to 2","input":3,"ctx":{"le":2}}]',
    );
  });

  it.each<[string, string, Omit<Detail, 'msg'>]>([
    [
      'case 78: an unfinished object',
      '{',
      {
        type: 'json_invalid',
        loc: ['body', 1],
        input: {},
        ctx: { error: expect.any(String) } as unknown as Record<string, unknown>,
      },
    ],
    ['case 78: an array', '[]', { type: 'model_attributes_type', loc: ['body'], input: [] }],
    ['case 78: a string', '"x"', { type: 'model_attributes_type', loc: ['body'], input: 'x' }],
    ['case 78: null', 'null', { type: 'model_attributes_type', loc: ['body'], input: null }],
    ['case 78: an empty body', '', { type: 'missing', loc: ['body'], input: null }],
  ])('%s is no request', async (_name, body, expected) => {
    const { detail } = await expectFailure(await app.tollgate.post(L.chat, body), L, 422, { param: null });
    expect(detail).toEqual([{ ...expected, msg: expect.any(String) }]);
  });

  it('case 79: null is the same as leaving a field out', async () => {
    const fields = ['temperature', 'max_tokens', 'top_p', 'stream', 'n', 'stop', 'seed'];
    const response = await app.tollgate.post(
      L.chat,
      chatBody(Object.fromEntries(fields.map((name) => [name, null]))),
    );
    expect(response.status).toBe(200);
    expect((await app.upstream.nextRequest()).body).toEqual({
      model: 'upstream-model',
      messages: [{ role: 'user', content: 'hi' }],
    });
  });

  it('case 83: the same seed gives the same text, another one another', async () => {
    const textOf = async (seed: number): Promise<unknown> => {
      const response = await app.tollgate.post(L.chat, chatBody({ model: 'sandbox/chat', seed }));
      const { choices } = (await response.json()) as { choices: { message: unknown }[] };
      return choices[0]?.message;
    };
    const texts = await Promise.all([1, 1, 2, 3, 4].map(textOf));
    expect(texts[0]).toEqual(texts[1]);
    expect(new Set(texts.map((text) => JSON.stringify(text))).size).toBeGreaterThan(1);
    await app.tollgate.post(L.chat, chatBody({ seed: 42 }));
    expect((await app.upstream.nextRequest()).body['seed']).toBe(42);
  });

  it('case 84: what is no fault of the body has a text for its detail', async () => {
    const { tollgate } = app;
    const nobody = await tollgate.post(L.chat, chatBody(), { authorization: undefined });
    await expectFailure(nobody, L, 401, { code: null });
    const unknown = await tollgate.post(L.chat, chatBody({ model: 'nope' }));
    await expectFailure(unknown, L, 404, { code: 'model_not_found' });
    await expectFailure(await tollgate.request('PUT', L.chat), L, 405, { code: null });
  });
});

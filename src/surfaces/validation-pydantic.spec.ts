import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { ChatCompletionDto } from '../contracts/openai/chat-completion.dto.js';
import { CompletionDto } from '../contracts/openai/completion.dto.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { LIGHTNINGROD } from './surface.js';
import { bounded } from './validation-echo.js';
import { toPydanticError } from './validation-pydantic.js';

const messages = [{ role: 'user', content: 'hi' }];
const ok = { model: 'm', messages };

function refusal(
  body: unknown,
  Dto: new () => object = ChatCompletionDto,
): ReturnType<typeof toPydanticError> {
  try {
    validateRequest(Dto, body, { surface: LIGHTNINGROD });
  } catch (error) {
    if (!(error instanceof ValidationFailedError)) throw error;
    return toPydanticError(error.issues, error.body);
  }
  throw new Error('was accepted');
}

/** Expected entries are what pydantic 2.13.4 says of a model with the same rules. */
describe('a refused request in FastAPI’s words', () => {
  it.each([
    [
      'case 74: model and messages missing',
      {},
      [
        { type: 'missing', loc: ['body', 'model'], msg: 'Field required', input: {} },
        { type: 'missing', loc: ['body', 'messages'], msg: 'Field required', input: {} },
      ],
    ],
    [
      'a missing field has the whole body as input',
      { model: 'm', temperature: 1 },
      [
        {
          type: 'missing',
          loc: ['body', 'messages'],
          msg: 'Field required',
          input: { model: 'm', temperature: 1 },
        },
      ],
    ],
    [
      'case 75: above a maximum',
      { ...ok, temperature: 3 },
      [
        {
          type: 'less_than_equal',
          loc: ['body', 'temperature'],
          msg: 'Input should be less than or equal to 2',
          input: 3,
          ctx: { le: 2 },
        },
      ],
    ],
    [
      'case 76: text for a number',
      { ...ok, temperature: 'hot' },
      [
        {
          type: 'float_type',
          loc: ['body', 'temperature'],
          msg: 'Input should be a valid number',
          input: 'hot',
        },
      ],
    ],
    [
      'case 77: an empty message',
      { model: 'm', messages: [{}] },
      [
        { type: 'missing', loc: ['body', 'messages', 0, 'role'], msg: 'Field required', input: {} },
        { type: 'missing', loc: ['body', 'messages', 0, 'content'], msg: 'Field required', input: {} },
      ],
    ],
    [
      'a message that is no object',
      { model: 'm', messages: ['x'] },
      [
        {
          type: 'model_attributes_type',
          loc: ['body', 'messages', 0],
          msg: 'Input should be a valid dictionary or object to extract fields from',
          input: 'x',
        },
      ],
    ],
    [
      'a role outside the list, content of a wrong type',
      {
        model: 'm',
        messages: [
          { role: 'bot', content: 'x' },
          { role: 'user', content: 5 },
        ],
      },
      [
        {
          type: 'literal_error',
          loc: ['body', 'messages', 0, 'role'],
          msg: "Input should be 'system', 'assistant', 'user', 'function', 'tool' or 'developer'",
          input: 'bot',
          ctx: { expected: "'system', 'assistant', 'user', 'function', 'tool' or 'developer'" },
        },
        {
          type: 'string_type',
          loc: ['body', 'messages', 1, 'content'],
          msg: 'Input should be a valid string',
          input: 5,
        },
      ],
    ],
    [
      'case 80: a fraction',
      { ...ok, max_tokens: 1.5 },
      [
        {
          type: 'int_from_float',
          loc: ['body', 'max_tokens'],
          msg: 'Input should be a valid integer, got a number with a fractional part',
          input: 1.5,
        },
      ],
    ],
    [
      'case 80: below a minimum',
      { ...ok, max_tokens: 0 },
      [
        {
          type: 'greater_than_equal',
          loc: ['body', 'max_tokens'],
          msg: 'Input should be greater than or equal to 1',
          input: 0,
          ctx: { ge: 1 },
        },
      ],
    ],
    [
      'text for an integer',
      { ...ok, max_tokens: '5' },
      [{ type: 'int_type', loc: ['body', 'max_tokens'], msg: 'Input should be a valid integer', input: '5' }],
    ],
    [
      'S9: 1e999',
      { ...ok, max_tokens: Infinity },
      [
        {
          type: 'finite_number',
          loc: ['body', 'max_tokens'],
          msg: 'Input should be a finite number',
          input: Infinity,
        },
      ],
    ],
    [
      'case 56: text for a boolean',
      { ...ok, stream: 'true' },
      [{ type: 'bool_type', loc: ['body', 'stream'], msg: 'Input should be a valid boolean', input: 'true' }],
    ],
    [
      'case 81: a number for stop',
      { ...ok, stop: 5 },
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
    ],
    [
      'case 81: five stops',
      { ...ok, stop: ['1', '2', '3', '4', '5'] },
      [
        {
          type: 'too_long',
          loc: ['body', 'stop', 'list[str]'],
          msg: 'List should have at most 4 items after validation, not 5',
          input: ['1', '2', '3', '4', '5'],
          ctx: { field_type: 'List', max_length: 4, actual_length: 5 },
        },
      ],
    ],
    [
      'a stop that is no text',
      { ...ok, stop: ['a', 5] },
      [
        {
          type: 'string_type',
          loc: ['body', 'stop', 'list[str]', 1],
          msg: 'Input should be a valid string',
          input: 5,
        },
      ],
    ],
    [
      'case 82: no messages',
      { model: 'm', messages: [] },
      [
        {
          type: 'too_short',
          loc: ['body', 'messages'],
          msg: 'List should have at least 1 item after validation, not 0',
          input: [],
          ctx: { field_type: 'List', min_length: 1, actual_length: 0 },
        },
      ],
    ],
    [
      'messages that are no list',
      { model: 'm', messages: 'x' },
      [{ type: 'list_type', loc: ['body', 'messages'], msg: 'Input should be a valid list', input: 'x' }],
    ],
    [
      'a dictionary',
      { ...ok, metadata: 5 },
      [{ type: 'dict_type', loc: ['body', 'metadata'], msg: 'Input should be a valid dictionary', input: 5 }],
    ],
    [
      'text too short',
      { messages, model: '' },
      [
        {
          type: 'string_too_short',
          loc: ['body', 'model'],
          msg: 'String should have at least 1 character',
          input: '',
          ctx: { min_length: 1 },
        },
      ],
    ],
    [
      'a pattern',
      { ...ok, tools: [{ type: 'function', function: { name: 'a b' } }] },
      [
        {
          type: 'string_pattern_mismatch',
          loc: ['body', 'tools', 0, 'function', 'name'],
          msg: "String should match pattern '^[A-Za-z0-9_-]{1,64}$'",
          input: 'a b',
          ctx: { pattern: '^[A-Za-z0-9_-]{1,64}$' },
        },
      ],
    ],
    [
      'fields that do not go together',
      { ...ok, tool_choice: 'required' },
      [
        {
          type: 'value_error',
          loc: ['body', 'tool_choice'],
          msg: "Value error, Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
          input: 'required',
          ctx: { error: {} },
        },
      ],
    ],
    ['an empty body', undefined, [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }]],
    [
      'a body that is no object',
      [1],
      [
        {
          type: 'model_attributes_type',
          loc: ['body'],
          msg: 'Input should be a valid dictionary or object to extract fields from',
          input: [1],
        },
      ],
    ],
  ])('%s', (_name, body, detail) => {
    expect(refusal(body).detail).toEqual(detail);
  });

  it('case 91: a missing prompt', () => {
    expect(refusal({ model: 'm' }, CompletionDto).detail).toEqual([
      { type: 'missing', loc: ['body', 'prompt'], msg: 'Field required', input: { model: 'm' } },
    ]);
  });

  it('case 78: JSON that breaks off', () => {
    const { error, detail } = toPydanticError(
      [{ kind: 'malformed_json', reason: 'Expecting value', position: 1, path: [], input: undefined }],
      undefined,
    );
    expect(detail).toEqual([
      {
        type: 'json_invalid',
        loc: ['body', 1],
        msg: 'JSON decode error',
        input: {},
        ctx: { error: 'Expecting value' },
      },
    ]);
    expect(error).toEqual({ message: 'body.1: JSON decode error', param: null, code: 'invalid_value' });
  });

  it.each([
    [
      { model: 'm', messages: [{ content: '' }] },
      'body.messages.0.role: Field required',
      'messages[0].role',
      'missing_required_parameter',
    ],
    [
      { ...ok, temperature: 'hot' },
      'body.temperature: Input should be a valid number',
      'temperature',
      'invalid_type',
    ],
    [
      { ...ok, temperature: 3 },
      'body.temperature: Input should be less than or equal to 2',
      'temperature',
      'invalid_value',
    ],
  ])('the error object tells the first entry of %j', (body, message, param, code) => {
    expect(refusal(body).error).toEqual({ message, param, code });
  });
});

describe('what is sent back of a refused value', () => {
  it('is exact when small', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3, depthSize: 'small' }), (value) => {
        fc.pre(JSON.stringify(value).length < 150);
        expect(JSON.stringify(bounded(value))).toBe(JSON.stringify(value));
      }),
    );
  });

  it.each([
    ['a text of 5 MB', 'x'.repeat(5_000_000)],
    ['a million items', Array.from({ length: 1_000_000 }, () => 'abc')],
    ['many long texts', Array.from({ length: 100 }, () => 'x'.repeat(1000))],
    ['many long keys', Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ['k'.repeat(1000) + i, 1]))],
    ['200 levels', JSON.parse('['.repeat(200) + ']'.repeat(200))],
  ])('is at most some kilobytes of %s', (_name, value) => {
    expect(JSON.stringify(bounded(value)).length).toBeLessThan(20_000);
  });

  it('S8: keeps a key __proto__ a key', () => {
    const echo = bounded(JSON.parse('{"__proto__":{"a":1}}')) as { a?: unknown };
    expect(echo.a).toBeUndefined();
  });
});

import { describe, expect, it } from '@jest/globals';
import { ChatCompletionDto } from '../contracts/openai/chat-completion.dto.js';
import type { Issue } from '../contracts/validation/issue.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { WATERFLAI } from './surface.js';
import { toOpenAiError } from './validation-openai.js';

const messages = [{ role: 'user', content: 'hi' }];

function refusal(body: unknown): [message: string, param: string | null, code: string | null] {
  try {
    validateRequest(ChatCompletionDto, body, { surface: WATERFLAI });
  } catch (error) {
    if (!(error instanceof ValidationFailedError)) throw error;
    const { message, param, code } = toOpenAiError(error.issues);
    return [message, param, code];
  }
  throw new Error('was accepted');
}

describe('a refused request in OpenAI’s words', () => {
  it.each([
    [{ messages }, "Missing required parameter: 'model'.", 'model', 'missing_required_parameter'],
    [{ model: 'm' }, "Missing required parameter: 'messages'.", 'messages', 'missing_required_parameter'],
    [
      { model: 'm', messages: [] },
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    ],
    [
      { model: 'm', messages: 'x' },
      "Invalid type for 'messages': expected an array, but got a string instead.",
      'messages',
      'invalid_type',
    ],
    [
      { model: 'm', messages: [{ role: 'bot', content: 'x' }] },
      "Invalid value: 'bot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
      'messages[0].role',
      'invalid_value',
    ],
    [
      { model: 'm', messages: [{ role: 'user', content: null }] },
      "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got null instead.",
      'messages[0].content',
      'invalid_type',
    ],
    [
      { model: 'm', messages, temperature: 3 },
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
      'temperature',
      'decimal_above_max_value',
    ],
    [
      { model: 'm', messages, temperature: -0.1 },
      "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.1 instead.",
      'temperature',
      'decimal_below_min_value',
    ],
    [
      { model: 'm', messages, temperature: 'hot' },
      "Invalid type for 'temperature': expected a decimal, but got a string instead.",
      'temperature',
      'invalid_type',
    ],
    [
      { model: 'm', messages, max_tokens: 0 },
      "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
      'max_tokens',
      'integer_below_min_value',
    ],
    [
      { model: 'm', messages, n: 129 },
      "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead.",
      'n',
      'integer_above_max_value',
    ],
    [
      { model: 'm', messages, max_tokens: 1.5 },
      "Invalid type for 'max_tokens': expected an integer, but got a decimal instead.",
      'max_tokens',
      'invalid_type',
    ],
    [
      { model: 'm', messages, stop: ['1', '2', '3', '4', '5'] },
      "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 instead.",
      'stop',
      'array_above_max_length',
    ],
    [
      { model: 'm', messages, stop: 5 },
      "Invalid type for 'stop': expected one of a string or array of strings, but got an integer instead.",
      'stop',
      'invalid_type',
    ],
    [
      { model: 'm', messages, conversation_id: 'x'.repeat(257) },
      "Invalid 'conversation_id': string too long. Expected a string with maximum length 256, but got a string with length 257 instead.",
      'conversation_id',
      'string_above_max_length',
    ],
    [{ model: '', messages }, 'you must provide a model parameter', null, null],
    [
      { model: 'a\nb', messages },
      "Invalid 'model': string does not match pattern. Expected a string without control characters.",
      'model',
      'invalid_value',
    ],
    [
      { model: 'm', messages, tools: [{ type: 'function', function: { name: 'a b' } }] },
      "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[A-Za-z0-9_-]{1,64}$'.",
      'tools[0].function.name',
      'invalid_value',
    ],
    [
      { model: 'm', messages, tools: [] },
      "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'tools',
      'empty_array',
    ],
    [
      { model: 'm', messages, tool_choice: 'required' },
      "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
      'tool_choice',
      null,
    ],
    [
      { model: 'm', messages, stream_options: {} },
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
      null,
    ],
    [
      { model: 'm', messages: [{ role: 'tool', tool_call_id: 'a', content: '' }] },
      "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
      'messages.[0].role',
      null,
    ],
    [
      { model: 'm', messages, verbosity: 'x' },
      "Invalid value: 'x'. Supported values are: 'low', 'medium', and 'high'.",
      'verbosity',
      'invalid_value',
    ],
    [
      { model: 'm', messages, metadata: Object.fromEntries([...'abcdefghijklmnopq'].map((k) => [k, ''])) },
      "Invalid 'metadata': too many properties. Expected an object with at most 16 properties, but got an object with 17 properties instead.",
      'metadata',
      'object_above_max_properties',
    ],
    [
      undefined,
      'We could not parse the JSON body of your request. Expected a JSON object, but got an empty body instead.',
      null,
      null,
    ],
    [
      [],
      'We could not parse the JSON body of your request. Expected a JSON object, but got an array instead.',
      null,
      null,
    ],
  ])('%j', (body, message, param, code) => {
    expect(refusal(body)).toEqual([message, param, code]);
  });

  it('tells where JSON is malformed', () => {
    const issue: Issue = {
      kind: 'malformed_json',
      reason: 'Expecting value',
      position: 7,
      path: [],
      input: undefined,
    };
    expect(toOpenAiError([issue])).toEqual({
      message:
        'We could not parse the JSON body of your request. It is not valid JSON: Expecting value at character 7.',
      param: null,
      code: null,
    });
  });

  it('tells the first fault only', () => {
    expect(refusal({ temperature: 3 })[1]).toBe('model');
  });

  it('repeats no more than a line of what was sent', () => {
    const long = 'x'.repeat(1_000_000);
    expect(refusal({ model: 'm', messages: [{ role: long, content: '' }] })[0].length).toBeLessThan(300);
    expect(refusal({ model: 'm', messages, metadata: { [long]: 5 } })[0].length).toBeLessThan(300);
  });
});

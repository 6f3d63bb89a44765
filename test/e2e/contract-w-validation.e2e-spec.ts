import { describe, expect, it } from '@jest/globals';
import { useWireApp } from '../support/wire-app.js';
import { expectFailure } from '../support/wire-failure.js';
import { chatBody, W } from '../support/wire-surfaces.js';

type Over = Record<string, unknown>;

const calling = {
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
};
const answering = { role: 'tool', tool_call_id: 'call_1', content: '42' };
const user = { role: 'user', content: 'hi' };

describe('POST /v1/chat/completions: what W refuses', () => {
  const app = useWireApp();

  it.each([
    ['case 8: an unfinished object', '{'],
    ['case 8: a trailing comma', '{"model":"m",}'],
    ['case 9: an array', '[]'],
    ['case 9: a string', '"x"'],
    ['case 9: a number', '42'],
    ['case 9: null', 'null'],
    ['case 9: an empty body', ''],
  ])('%s is no request', async (_name, body) => {
    await expectFailure(await app.tollgate.post(W.chat, body), W, 400, {
      message: expect.stringMatching(/^We could not parse the JSON body of your request\. /),
      type: 'invalid_request_error',
      param: null,
      code: null,
    });
  });

  it.each<[string, Over, string, string | null, string | null]>([
    [
      'case 10: no model',
      { model: undefined },
      "Missing required parameter: 'model'.",
      'model',
      'missing_required_parameter',
    ],
    [
      'case 10: a null model',
      { model: null },
      "Invalid type for 'model': expected a string, but got null instead.",
      'model',
      'invalid_type',
    ],
    ['case 10: an empty model', { model: '' }, 'you must provide a model parameter', null, null],
    [
      'case 11: no messages',
      { messages: undefined },
      "Missing required parameter: 'messages'.",
      'messages',
      'missing_required_parameter',
    ],
    [
      'case 12: no message in messages',
      { messages: [] },
      "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
      'messages',
      'empty_array',
    ],
    [
      'case 13: messages as text',
      { messages: 'x' },
      "Invalid type for 'messages': expected an array, but got a string instead.",
      'messages',
      'invalid_type',
    ],
    [
      'case 14: an unknown role',
      { messages: [{ role: 'bot', content: 'hi' }] },
      "Invalid value: 'bot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
      'messages[0].role',
      'invalid_value',
    ],
    [
      'case 15: a user without content',
      { messages: [{ role: 'user', content: null }] },
      "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got null instead.",
      'messages[0].content',
      'invalid_type',
    ],
    [
      'case 18: temperature 2.0001',
      { temperature: 2.0001 },
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.0001 instead.",
      'temperature',
      'decimal_above_max_value',
    ],
    [
      'case 18: temperature 3',
      { temperature: 3 },
      "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
      'temperature',
      'decimal_above_max_value',
    ],
    [
      'case 18: temperature -0.1',
      { temperature: -0.1 },
      "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -0.1 instead.",
      'temperature',
      'decimal_below_min_value',
    ],
    [
      'case 18: temperature "1"',
      { temperature: '1' },
      "Invalid type for 'temperature': expected a decimal, but got a string instead.",
      'temperature',
      'invalid_type',
    ],
    [
      'case 18: temperature true',
      { temperature: true },
      "Invalid type for 'temperature': expected a decimal, but got a boolean instead.",
      'temperature',
      'invalid_type',
    ],
    [
      'case 19: top_p 1.1',
      { top_p: 1.1 },
      "Invalid 'top_p': decimal above maximum value. Expected a value <= 1, but got 1.1 instead.",
      'top_p',
      'decimal_above_max_value',
    ],
    [
      'case 19: top_p -0.1',
      { top_p: -0.1 },
      "Invalid 'top_p': decimal below minimum value. Expected a value >= 0, but got -0.1 instead.",
      'top_p',
      'decimal_below_min_value',
    ],
    ...['presence_penalty', 'frequency_penalty'].flatMap((name): [string, Over, string, string, string][] => [
      [
        `case 20: ${name} 2.1`,
        { [name]: 2.1 },
        `Invalid '${name}': decimal above maximum value. Expected a value <= 2, but got 2.1 instead.`,
        name,
        'decimal_above_max_value',
      ],
      [
        `case 20: ${name} -2.1`,
        { [name]: -2.1 },
        `Invalid '${name}': decimal below minimum value. Expected a value >= -2, but got -2.1 instead.`,
        name,
        'decimal_below_min_value',
      ],
    ]),
    [
      'case 21: n 0',
      { n: 0 },
      "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.",
      'n',
      'integer_below_min_value',
    ],
    [
      'case 21: n 129',
      { n: 129 },
      "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead.",
      'n',
      'integer_above_max_value',
    ],
    [
      'case 21: n 1.5',
      { n: 1.5 },
      "Invalid type for 'n': expected an integer, but got a decimal instead.",
      'n',
      'invalid_type',
    ],
    [
      'case 22: max_tokens 0',
      { max_tokens: 0 },
      "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.",
      'max_tokens',
      'integer_below_min_value',
    ],
    [
      'case 25: five stop sequences',
      { stop: ['1', '2', '3', '4', '5'] },
      "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array with length 5 instead.",
      'stop',
      'array_above_max_length',
    ],
    [
      'case 28: a conversation_id of 257 characters',
      { conversation_id: 'x'.repeat(257) },
      "Invalid 'conversation_id': string too long. Expected a string with maximum length 256, but got a string with length 257 instead.",
      'conversation_id',
      'string_above_max_length',
    ],
  ])('%s is refused in OpenAI’s words', async (_name, over, message, param, code) => {
    await expectFailure(await app.tollgate.post(W.chat, chatBody(over)), W, 400, {
      message,
      type: 'invalid_request_error',
      param,
      code,
    });
    expect(app.upstream.requests).toHaveLength(0);
  });

  it.each<[string, Over, string, string]>([
    [
      'case 33: stream_options without stream',
      { stream_options: { include_usage: true } },
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    ],
    [
      'case 33: stream_options with stream false',
      { stream: false, stream_options: {} },
      "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
      'stream_options',
    ],
    [
      'case 34: a tool that nobody called',
      { messages: [user, answering] },
      "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
      'messages.[1].role',
    ],
    [
      'case 15: a tool call that nobody answers',
      { messages: [user, calling, user] },
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The following tool_call_ids did not have response messages: call_1",
      'messages.[2].role',
    ],
  ])('%s is refused: fields that are wrong together', async (_name, over, message, param) => {
    await expectFailure(await app.tollgate.post(W.chat, chatBody(over)), W, 400, {
      message,
      type: 'invalid_request_error',
      param,
      code: null,
    });
  });

  it.each<[string, Over]>([
    ['case 15: null content of an assistant who called a tool', { messages: [user, calling, answering] }],
    ['case 18: temperature 0', { temperature: 0 }],
    ['case 18: temperature 2', { temperature: 2 }],
    ['case 19: top_p 0', { top_p: 0 }],
    ['case 19: top_p 1', { top_p: 1 }],
    ['case 20: penalties 2', { presence_penalty: 2, frequency_penalty: 2 }],
    ['case 20: penalties -2', { presence_penalty: -2, frequency_penalty: -2 }],
    ['case 25: four stop sequences', { stop: ['1', '2', '3', '4'] }],
    ['case 25: no stop sequence', { stop: [] }],
    ['case 25: stop null', { stop: null }],
    ['case 25: an empty stop', { stop: '' }],
    ['case 26: an unknown field', { foo: 1 }],
    ['case 26: an unknown field of a message', { messages: [{ ...user, video_url: 'x' }] }],
    ['case 28: a conversation_id of 256 characters', { conversation_id: 'x'.repeat(256) }],
    ['case 34: a developer', { messages: [{ role: 'developer', content: 'Be brief.' }, user] }],
    ['case 34: a function', { messages: [user, { role: 'function', name: 'f', content: '42' }] }],
    [
      'case 34: a function that returned nothing',
      { messages: [user, { role: 'function', name: 'f', content: null }] },
    ],
    [
      'case 34: parts in every role that has them',
      {
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'hi' },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            ],
          },
          { ...calling, content: [{ type: 'text', text: 'one moment' }] },
          { ...answering, content: [{ type: 'text', text: '42' }] },
        ],
      },
    ],
  ])('%s is accepted', async (_name, over) => {
    const response = await app.tollgate.post(W.chat, chatBody(over));
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 200,
      body: { object: 'chat.completion' },
    });
  });

  it('case 22: a whole number written as a decimal is a whole number', async () => {
    const body = JSON.stringify(chatBody({ max_tokens: 5 })).replace('"max_tokens":5', '"max_tokens":5.0');
    expect((await app.tollgate.post(W.chat, body)).status).toBe(200);
    expect((await app.upstream.nextRequest()).body['max_tokens']).toBe(5);
  });
});

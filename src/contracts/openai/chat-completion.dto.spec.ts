import { describe, expect, it } from '@jest/globals';
import { formatPath } from '../validation/issue.js';
import { MAX_ISSUES, MAX_MESSAGES, MAX_TEXT_CHARS, MAX_TOOLS } from '../validation/limits.js';
import type { SurfaceRules } from '../validation/rule.js';
import { validateRequest } from '../validation/validate-request.js';
import { ValidationFailedError } from '../validation/validation.errors.js';
import { ChatCompletionDto } from './chat-completion.dto.js';

const W: SurfaceRules = { streamOptionsWithoutStream: 'refuse', conversations: true };
const Q: SurfaceRules = { streamOptionsWithoutStream: 'ignore', conversations: false };

const messages = [{ role: 'user', content: 'hi' }];
const ok = { model: 'm', messages };
const BOT = `bot_${'0'.repeat(32)}`;
const call = (id: string) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } });
const tool = { type: 'function', function: { name: 'f' } };

const OPTIONAL =
  'stream stream_options temperature top_p n max_tokens max_completion_tokens stop presence_penalty ' +
  'frequency_penalty seed logit_bias logprobs top_logprobs tools tool_choice parallel_tool_calls functions ' +
  'function_call response_format reasoning_effort verbosity modalities audio prediction service_tier store ' +
  'metadata user safety_identifier prompt_cache_key web_search_options conversation_id';
const NULLS = Object.fromEntries(OPTIONAL.split(' ').map((name) => [name, null]));

const chat = (extra: object, surface = W): ChatCompletionDto =>
  validateRequest(ChatCompletionDto, { ...ok, ...extra }, { surface });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** `kind path` of every issue. */
function faults(act: () => unknown): string[] {
  try {
    act();
    return [];
  } catch (error) {
    if (!(error instanceof ValidationFailedError)) throw error;
    return error.issues.map(({ kind, path }) => `${kind} ${formatPath(path)}`);
  }
}
const chatFaults = (extra: object, surface = W): string[] => faults(() => chat(extra, surface));

describe('what a chat request may be', () => {
  it.each([
    ['case 17: null in every optional field', NULLS],
    ['case 18: temperature 0 and 2', { temperature: 0 }],
    ['case 18: temperature 0 and 2', { temperature: 2 }],
    ['case 20: penalties of 2 and -2', { presence_penalty: 2, frequency_penalty: -2 }],
    ['case 22: max_tokens 1', { max_tokens: 1 }],
    ['case 23: both token limits', { max_tokens: 5, max_completion_tokens: 2 }],
    ['case 24: one stop text', { stop: 'X' }],
    ['case 26: unknown fields', { foo: 1, top_k: 40, provider: {}, base_url: 'http://evil' }],
    ['case 66: tool_choice none', { tools: [tool], tool_choice: 'none' }],
    ['case 66: tool_choice required', { tools: [tool], tool_choice: 'required' }],
    ['case 66: a named tool', { tools: [tool], tool_choice: { type: 'function', function: { name: 'f' } } }],
    [
      'C15: allowed tools',
      {
        tools: [tool],
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool] } },
      },
    ],
    ['tool_choice auto without tools', { tool_choice: 'auto' }],
    ['tool_choice none without tools', { tool_choice: 'none' }],
    [
      'tools that only the chatbot may know',
      { model: BOT, tool_choice: { type: 'function', function: { name: 'f' } }, parallel_tool_calls: false },
    ],
    [
      'case 67: text and an image',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'what is this?' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA', detail: null } },
            ],
          },
        ],
      },
    ],
    [
      'case 34: developer, tool and function roles',
      {
        messages: [
          { role: 'developer', content: [{ type: 'text', text: 'be brief' }] },
          { role: 'user', content: 'hi' },
          { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] },
          { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '1' }] },
          { role: 'tool', tool_call_id: 'a', content: '2' },
          { role: 'assistant', function_call: { name: 'f', arguments: '' } },
          { role: 'function', name: 'f', content: null },
        ],
      },
    ],
    ['case 102: JSON of a schema', { response_format: { type: 'json_schema', json_schema: { name: 'x' } } }],
    [
      'S38: U+2028, carriage returns and NUL in text',
      { messages: [{ role: 'user', content: '\u2028\r\u0000' }] },
    ],
    ['S37: text that looks like an event', { messages: [{ role: 'user', content: '\n\ndata: [DONE]' }] }],
    ['integral floats', { max_tokens: 2.0, n: 1.0, seed: -3.0 }],
    [
      'S49: a schema with a catastrophic pattern, which nobody compiles',
      {
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', schema: { pattern: '(a+)+$' } },
        },
      },
    ],
  ])('accepts %s', (_name, extra) => {
    expect(chatFaults(extra)).toEqual([]);
  });

  it('case 17: treats null as omitted', () => {
    expect(plain(chat(NULLS))).toEqual(ok);
  });

  it.each([
    ['case 18', { temperature: 2.0001 }, 'above temperature'],
    ['case 18', { temperature: -0.1 }, 'below temperature'],
    ['case 18', { temperature: '1' }, 'wrong_type temperature'],
    ['case 18', { temperature: true }, 'wrong_type temperature'],
    ['S9', { temperature: Infinity }, 'above temperature'],
    ['case 19', { top_p: 1.1 }, 'above top_p'],
    ['case 19', { top_p: -0.1 }, 'below top_p'],
    ['case 20', { presence_penalty: 2.1 }, 'above presence_penalty'],
    ['case 20', { frequency_penalty: -2.1 }, 'below frequency_penalty'],
    ['case 21', { n: 0 }, 'below n'],
    ['case 21', { n: 129 }, 'above n'],
    ['case 21', { n: 1.5 }, 'wrong_type n'],
    ['S9', { n: Infinity }, 'above n'],
    ['case 22', { max_tokens: 0 }, 'below max_tokens'],
    ['case 61', { max_tokens: -1 }, 'below max_tokens'],
    ['case 61', { max_tokens: '5' }, 'wrong_type max_tokens'],
    ['S9', { max_tokens: 1e20 }, 'above max_tokens'],
    ['S9', { max_completion_tokens: Infinity }, 'above max_completion_tokens'],
    ['S9', { seed: 1e20 }, 'above seed'],
    ['S9', { seed: 0.5 }, 'wrong_type seed'],
    ['case 25', { stop: ['1', '2', '3', '4', '5'] }, 'too_long stop'],
    ['case 25', { stop: 5 }, 'no_union_arm stop'],
    ['case 25', { stop: ['a', 5] }, 'wrong_type stop[1]'],
    ['case 12', { messages: [] }, 'too_short messages'],
    ['case 13', { messages: 'x' }, 'wrong_type messages'],
    ['case 61', { messages: {} }, 'wrong_type messages'],
    ['null where required', { messages: null }, 'wrong_type messages'],
    ['a message that is no object', { messages: ['x'] }, 'wrong_type messages[0]'],
    ['case 14', { messages: [{ role: 'bot', content: '' }] }, 'not_supported messages[0].role'],
    ['case 14', { messages: [{ role: 5, content: '' }] }, 'not_supported messages[0].role'],
    ['case 15', { messages: [{ role: 'user', content: null }] }, 'no_union_arm messages[0].content'],
    ['assistant says nothing', { messages: [{ role: 'assistant' }] }, 'missing messages[0].content'],
    ['tool without an id', { messages: [{ role: 'tool', content: '' }] }, 'missing messages[0].tool_call_id'],
    [
      'case 67',
      { messages: [{ role: 'user', content: [{ type: 'foo' }] }] },
      'not_supported messages[0].content[0].type',
    ],
    [
      'image where only text may be',
      { messages: [{ role: 'system', content: [{ type: 'image_url', image_url: { url: 'http://a' } }] }] },
      'not_supported messages[0].content[0].type',
    ],
    [
      'S24',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'file:///etc' } }] }] },
      'pattern messages[0].content[0].image_url.url',
    ],
    [
      'an empty array of parts',
      { messages: [{ role: 'user', content: [] }] },
      'too_short messages[0].content',
    ],
    ['case 33', { stream_options: {} }, 'conflict stream_options'],
    ['case 33', { stream: false, stream_options: {} }, 'conflict stream_options'],
    ['case 56', { stream: 'true' }, 'wrong_type stream'],
    ['case 66', { tools: [] }, 'too_short tools'],
    ['case 66', { tools: [tool], tool_choice: 'x' }, 'not_supported tool_choice'],
    ['tool_choice without tools', { tool_choice: 'required' }, 'conflict tool_choice'],
    [
      'a tool that is not there',
      { tools: [tool], tool_choice: { type: 'function', function: { name: 'g' } } },
      'conflict tool_choice',
    ],
    [
      'a tool that a chatbot’s caller does not send with others',
      { model: BOT, tools: [tool], tool_choice: { type: 'function', function: { name: 'g' } } },
      'conflict tool_choice',
    ],
    [
      'a choice of functions without functions',
      { model: BOT, function_call: { name: 'f' } },
      'conflict function_call',
    ],
    [
      'tool_choice without tools, of what is no chatbot',
      { model: 'bot_1', tool_choice: 'required' },
      'conflict tool_choice',
    ],
    ['parallel calls without tools', { parallel_tool_calls: true }, 'conflict parallel_tool_calls'],
    [
      'a tool name with a space',
      { tools: [{ type: 'function', function: { name: 'a b' } }] },
      'pattern tools[0].function.name',
    ],
    ['case 55', { top_logprobs: 2 }, 'conflict top_logprobs'],
    ['case 102', { response_format: { type: 'sound' } }, 'not_supported response_format.type'],
    ['json_object unasked for', { response_format: { type: 'json_object' } }, 'conflict messages'],
    ['bias of text', { logit_bias: { x: 1 } }, 'pattern logit_bias.x'],
    ['bias out of range', { logit_bias: { '5': 101 } }, 'above logit_bias.5'],
    [
      'metadata of 17 pairs',
      { metadata: Object.fromEntries([...'abcdefghijklmnopq'].map((key) => [key, ''])) },
      'too_long metadata',
    ],
    ['case 28', { conversation_id: 'x'.repeat(257) }, 'too_long conversation_id'],
    ['S26', { conversation_id: 'a\r\nset-cookie: x' }, 'pattern conversation_id'],
    ['S26', { conversation_id: 'привет' }, 'pattern conversation_id'],
    ['a header loses it', { conversation_id: ' UID' }, 'pattern conversation_id'],
    ['a header loses it', { conversation_id: 'chat ' }, 'pattern conversation_id'],
    ['a header loses it', { conversation_id: ' ' }, 'pattern conversation_id'],
    ['S26', { model: 'a\r\nb' }, 'pattern model'],
    ['S26', { conversation_id: 'a\nb' }, 'pattern conversation_id'],
    ['S27', { model: '\u001b[31mred' }, 'pattern model'],
    ['an empty model', { model: '' }, 'too_short model'],
    ['null model', { model: null }, 'wrong_type model'],
    ['S18', { messages: Array.from({ length: MAX_MESSAGES + 1 }, () => messages[0]) }, 'too_long messages'],
    ['S18', { tools: Array.from({ length: MAX_TOOLS + 1 }, () => tool) }, 'too_long tools'],
    ['S18', { stop: Array.from({ length: 10_000 }, () => 'x') }, 'too_long stop'],
    [
      'S18',
      { messages: [{ role: 'user', content: 'x'.repeat(MAX_TEXT_CHARS + 1) }] },
      'too_long messages[0].content',
    ],
  ])('%s: refuses %j', (_row, extra, fault) => {
    expect(chatFaults(extra)).toEqual([fault]);
  });

  it('case 10, 11, 74: names every missing field, in the published order', () => {
    expect(faults(() => validateRequest(ChatCompletionDto, {}, { surface: W }))).toEqual([
      'missing model',
      'missing messages',
    ]);
  });

  it.each([undefined, null, [], 'x', 42, true])('case 9, S11: refuses %j as a body', (body) => {
    expect(faults(() => validateRequest(ChatCompletionDto, body, { surface: W }))).toHaveLength(1);
  });

  it('case 77: names role and content of an empty message', () => {
    expect(chatFaults({ messages: [{}] })).toEqual([
      'missing messages[0].role',
      'missing messages[0].content',
    ]);
  });

  it('case 35: lets a data URI of 5 MB through', () => {
    const url = `data:image/png;base64,${'A'.repeat(5_000_000)}`;
    const content = [{ type: 'image_url', image_url: { url } }];
    expect(chatFaults({ messages: [{ role: 'user', content }] })).toEqual([]);
  });

  it('stops collecting at a bound', () => {
    expect(chatFaults({ messages: Array.from({ length: 5000 }, () => ({})) })).toHaveLength(MAX_ISSUES);
  });
});

const user = { role: 'user', content: 'x' };
const asks = { role: 'assistant', content: null, tool_calls: [call('a'), call('b')] };
const answers = (id: string) => ({ role: 'tool', tool_call_id: id, content: '' });

const refusal = (list: object[]): unknown => {
  try {
    chat({ messages: list });
    return undefined;
  } catch (error) {
    const issue = (error as ValidationFailedError).issues[0];
    return issue.kind === 'conflict' ? [issue.param, issue.message] : issue;
  }
};

describe('tool messages', () => {
  it('refuses an answer to nothing', () => {
    expect(refusal([user, answers('a')])).toEqual([
      'messages.[1].role',
      "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
    ]);
  });

  it('refuses an answer to another call', () => {
    expect(refusal([user, asks, answers('c')])).toEqual([
      'messages.[2].tool_call_id',
      "Invalid parameter: 'tool_call_id' of 'c' not found in 'tool_calls' of previous message.",
    ]);
  });

  it.each([
    ['before the next message', [user, asks, answers('a'), user], 'messages.[3].role'],
    ['at the end', [user, asks, answers('a')], 'messages.[1].role'],
  ])('refuses an unanswered call %s', (_where, list, param) => {
    expect(refusal(list)).toEqual([
      param,
      "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
        'The following tool_call_ids did not have response messages: b',
    ]);
  });
});

describe('what differs between surfaces', () => {
  it('case 71: drops stream_options without stream where that is no fault', () => {
    expect(plain(chat({ stream_options: { include_usage: true } }, Q))).toEqual(ok);
  });

  it('ignores conversation_id, whatever it is, where it is not part of the dialect', () => {
    expect(plain(chat({ conversation_id: 5 }, Q))).toEqual(ok);
    expect(chat({ conversation_id: 'abc' }).conversation_id).toBe('abc');
  });
});

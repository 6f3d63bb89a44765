import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { longestTurnMs, threadCpuMs } from '../../test/support/thread-cpu.js';
import type {
  AssistantMessage,
  ChatMessage,
  ContentPart,
  ToolCall,
} from '../contracts/openai/chat-completion.js';
import { renderChatCompletion } from '../surfaces/chat-answer.js';
import { SURFACES } from '../surfaces/surface.js';
import { chainAfter, digestOf, digestsOf, EMPTY_CHAIN } from './chain.js';

const chainOf = (messages: readonly ChatMessage[]): string => chainAfter(EMPTY_CHAIN, messages);
const sayTheSame = (a: ChatMessage, b: ChatMessage): boolean => digestOf(a) === digestOf(b);
const user = (content: string | ContentPart[]): ChatMessage => ({ role: 'user', content });
const call = (json: string): ToolCall => ({
  id: 'call_1',
  type: 'function',
  function: { name: 'weather', arguments: json },
});
const calling = (json: string): ChatMessage => ({
  role: 'assistant',
  content: null,
  tool_calls: [call(json)],
});

/** What the client of a surface is given of an answer. */
function given(message: AssistantMessage, surface: keyof typeof SURFACES): ChatMessage {
  const rendered = renderChatCompletion(
    { id: 'chatcmpl-1', created: 0, model: 'm', conversationId: undefined },
    { choices: [{ index: 0, message, finish_reason: 'stop', logprobs: null }] },
    { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
    SURFACES[surface],
  ) as { choices: [{ message: ChatMessage }] };
  return rendered.choices[0].message;
}

const ANSWERS: Record<string, AssistantMessage> = {
  'a text': { role: 'assistant', content: 'Paris.', refusal: null },
  'no text': { role: 'assistant', content: null, refusal: null },
  'a refusal': { role: 'assistant', content: null, refusal: 'No.' },
  'a text with sources, thoughts and sound': {
    role: 'assistant',
    content: 'Paris.',
    refusal: null,
    reasoning_content: 'The capital of France…',
    annotations: [{ type: 'url_citation' }],
    audio: { id: 'audio_1', data: 'AAAA', transcript: 'Paris.' },
  },
  'a call': { role: 'assistant', content: null, refusal: null, tool_calls: [call('{"city": "Paris"}')] },
  'a text and a call': { role: 'assistant', content: 'Wait.', refusal: null, tool_calls: [call('')] },
  'a call of the old kind': {
    role: 'assistant',
    content: null,
    refusal: null,
    function_call: { name: 'weather', arguments: '{}' },
  },
};

describe('the chain of a conversation', () => {
  it('moves with every message, and tells their order', () => {
    const [a, b] = [user('a'), user('b')];
    const chains = [[], [a], [b], [a, b], [b, a], [a, a]].map(chainOf);
    expect(new Set(chains).size).toBe(chains.length);
    expect(chains[1]).toMatch(/^[\w-]{43}$/);
  });

  it.each(Object.keys(ANSWERS))(
    'is the same for %s as it was kept and as openai-node sends it back',
    (kind) => {
      const kept = ANSWERS[kind] as ChatMessage;
      for (const surface of ['waterflai', 'qolaba', 'lightningrod'] as const) {
        expect(sayTheSame(kept, given(ANSWERS[kind]!, surface))).toBe(true);
      }
    },
  );

  it.each<[string, ChatMessage, ChatMessage]>([
    [
      'AI SDK: arguments written anew, no refusal',
      { role: 'assistant', content: '', refusal: null, tool_calls: [call('{"city": "Paris", "days": 1.0}')] },
      { role: 'assistant', content: '', tool_calls: [call('{"city":"Paris","days":1}')] },
    ],
    [
      'LangChain: ASCII escapes, keys in another order, the name of an agent',
      calling('{"a":"é","b":{"d":1,"c":[{"y":1,"x":2}]}}'),
      {
        role: 'assistant',
        content: '',
        name: 'researcher',
        tool_calls: [call('{"b": {"c": [{"x": 2, "y": 1}], "d": 1}, "a": "\\u00e9"}')],
      },
    ],
    ['no arguments', calling(''), calling('{}')],
    [
      'text in parts',
      { role: 'assistant', content: 'Paris is nice.' },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Paris ' },
          { type: 'text', text: 'is nice.' },
        ],
      },
    ],
    [
      'a refusal as a part',
      { role: 'assistant', content: null, refusal: 'No.' },
      { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
    ],
    [
      'space around a text',
      { role: 'assistant', content: '\n\nParis.' },
      { role: 'assistant', content: 'Paris.' },
    ],
    ['lines that end in another way', user('a\r\nb\rc'), user('a\nb\nc')],
    ['letters that are composed in another way', user('ze\u0301'), user('z\u00e9')],
    [
      'media with its fields in another order',
      user([{ type: 'image_url', image_url: { url: 'data:,', detail: 'low' } }]),
      user([{ image_url: { detail: 'low', url: 'data:,' }, type: 'image_url' }]),
    ],
  ])('is the same: %s', (_form, kept, sent) => {
    expect(sayTheSame(kept, sent)).toBe(true);
    expect(chainOf([user('hi'), kept])).toBe(chainOf([user('hi'), sent]));
  });

  it.each<[string, ChatMessage, ChatMessage]>([
    ['another text', user('a'), user('b')],
    ['another speaker', user('a'), { role: 'assistant', content: 'a' }],
    ['another name', { ...user('a'), name: 'x' }, { ...user('a'), name: 'y' }],
    ['space within a text', user('a b'), user('a  b')],
    ['other arguments', calling('{"a":1}'), calling('{"a":2}')],
    ['arguments that are no JSON', calling('{"a":1'), calling('{"a":1}')],
    [
      'an answer to another call',
      { role: 'tool', tool_call_id: 'a', content: '' },
      { role: 'tool', tool_call_id: 'b', content: '' },
    ],
    [
      'another image',
      user([{ type: 'image_url', image_url: { url: 'data:,a' } }]),
      user([{ type: 'image_url', image_url: { url: 'data:,b' } }]),
    ],
    ['a name that looks like a call', { ...user('a'), name: 'x' }, { ...user('a'), tool_call_id: 'x' }],
  ])('differs: %s', (_form, one, other) => {
    expect(sayTheSame(one, other)).toBe(false);
  });

  it('is the same for any arguments that a library reads and writes anew', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), fc.nat(4), (value, indent) => {
        const written = JSON.stringify(value, null, indent);
        expect(sayTheSame(calling(JSON.stringify(value)), calling(written))).toBe(true);
      }),
    );
  });

  it('reads arguments nested a hundred thousand deep as a text', () => {
    const deep = '['.repeat(100_000);
    expect(sayTheSame(calling(deep), calling(`${deep} `))).toBe(false);
    const closed = deep + ']'.repeat(100_000);
    expect(sayTheSame(calling(closed), calling(closed))).toBe(true);
  });

  it('is what it was in earlier releases: it is stored with conversations', () => {
    const messages: ChatMessage[] = [
      user(' Zoe\u0308 says\r\nhello '),
      {
        ...user([
          { type: 'text', text: 'What is it?' },
          { type: 'image_url', image_url: { url: 'data:,a', detail: 'low' } },
        ]),
        name: 'x',
      },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          call('{"b": 1.0, "a": "\\u00e9"}'),
          { id: 'call_2', type: 'custom', custom: { name: 'run', input: 'x=1' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_1', content: '"sun"' },
      { role: 'assistant', content: null, function_call: { name: 'weather', arguments: '' } },
    ];
    expect(messages.map(digestOf)).toEqual([
      'ItKHzfFvoghP1FdcNSl8hs63v9cPtILBmGxi3DS_9tI',
      'WGU_187aZAW2WblWnFOckXpVyCTG8yu9c-Qbvxetgao',
      'NBg61lpeITEQ2DcVzKyjPgYJpYfYnL4KF8cKLRx1szE',
      'LMkz6_V-3Gp0__nkoYTd8mWi47RzKLGnZQpBoM6CJiI',
      '5sAudi94MJ7tLC9qso0iDIPyL8AaoEzGjvvaFyJGGaQ',
    ]);
  });

  it('tells texts apart that differ in a character of two halves, wherever it stands', () => {
    for (const before of [0, 16_382, 16_383, 16_384, 40_000]) {
      const media = (emoji: string): ChatMessage =>
        user([{ type: 'image_url', image_url: { url: `data:,${'a'.repeat(before)}${emoji}` } }]);
      expect(sayTheSame(media('😀'), media('😁'))).toBe(false);
      const long = (emoji: string): ChatMessage => calling(`${'a'.repeat(300_000 + before)}${emoji}`);
      expect(sayTheSame(long('😀'), long('😁'))).toBe(false);
      expect(sayTheSame(long('😀'), long('😀'))).toBe(true);
    }
  });
});

describe('the digest of a long message', () => {
  const CHARS = 8 * 1024 * 1024;
  const objects = `[${'{},'.repeat(CHARS / 4)}{}]`;
  const messages: Record<string, ChatMessage> = {
    'arguments of many objects': calling(objects),
    'arguments of many names': calling(
      `{${Array.from({ length: CHARS / 16 }, (_, i) => `"k${i}":0`).join(',')}}`,
    ),
    'a call of the old kind': {
      role: 'assistant',
      content: null,
      function_call: { name: 'f', arguments: objects },
    },
    'many calls': {
      role: 'assistant',
      content: null,
      tool_calls: Array.from({ length: 1024 }, (_, i) => ({
        ...call(`[${'{},'.repeat(CHARS / 4096)}{}]`),
        id: `call_${i}`,
      })) as ToolCall[],
    },
    'a text of CR': user(`a${'\r'.repeat(CHARS)}b`),
    'an image': user([
      { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(CHARS)}` } },
    ]),
  };

  it.each(Object.keys(messages))('is made in slices, in time linear in its length: %s', async (kind) => {
    const message = messages[kind] as ChatMessage;
    let digest: string | undefined;
    const cpu = threadCpuMs();
    const longest = await longestTurnMs(async () => {
      [digest] = await digestsOf([message]);
    });
    expect(digest).toBe(digestOf(message));
    expect(longest).toBeLessThan(600);
    // Arguments like these took three seconds.
    expect(threadCpuMs() - cpu).toBeLessThan(2_000);
  });

  it('is made in slices of many short ones', async () => {
    const many = Array.from({ length: 20_000 }, (_, i) => user(`Message ${i}`));
    expect(await longestTurnMs(() => digestsOf(many))).toBeLessThan(400);
  });
});

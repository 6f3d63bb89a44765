import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { COSTLY_TEXTS } from '../support/costly-texts.js';
import { newChatbot } from '../support/chatbots.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { payingKey, type PayingKey } from '../support/paying-key.js';
import { longestTurnMs } from '../support/thread-cpu.js';
import { useWireApp } from '../support/wire-app.js';
import { SURFACES } from '../support/wire-surfaces.js';

const CHARS = 320 * 1024;

/** So long nobody else may be served; a quadratic reading of the text takes seconds. */
const STANDSTILL_MS = 500;

const MODEL = 'test/model';

type Asked = readonly [path: string, body: object];

const user = (content: unknown) => ({ role: 'user', content });
const calling = (text: string) => ({
  role: 'assistant',
  content: null,
  tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: text } }],
});

/** All that reads a text before it is known whether anybody pays for it, or that costs nothing. */
const FREE: Readonly<Record<string, (text: string) => Asked>> = {
  'a new conversation': (text) => ['/v1/conversations', { items: [user(text)] }],
  'a new conversation, in parts': (text) => [
    '/v1/conversations',
    {
      items: [
        user([
          { type: 'input_text', text },
          { type: 'input_text', text: 'x' },
        ]),
      ],
    },
  ],
  'a call of a function': (text) => [
    '/v1/conversations',
    { items: [{ type: 'function_call', call_id: 'call_1', name: 'f', arguments: text }] },
  ],
  'a call of the old kind': (text) => [
    '/v1/conversations',
    { items: [{ role: 'assistant', content: null, function_call: { name: 'f', arguments: text } }] },
  ],
  'a call of a tool of one’s own': (text) => [
    '/v1/conversations',
    { items: [{ type: 'custom_tool_call', call_id: 'call_1', name: 'f', input: text }] },
  ],
  'a result': (text) => [
    '/v1/conversations',
    { items: [{ type: 'function_call_output', call_id: 'call_1', output: text }] },
  ],
  'a title': (text) => ['/v1/conversations', { title: text }],
  'a value of metadata': (text) => ['/v1/conversations', { metadata: { a: text } }],
  'a key of metadata': (text) => ['/v1/conversations', { metadata: { [text]: 'a' } }],
};

/** All that a request for an answer has a text in. */
const ASKING: Readonly<Record<string, (text: string) => object>> = {
  'a message': (text) => ({ messages: [user(text)] }),
  'a message for JSON': (text) => ({ messages: [user(text)], response_format: { type: 'json_object' } }),
  instructions: (text) => ({ messages: [{ role: 'system', content: text }, user('a')] }),
  'a history': (text) => ({ messages: [user(text), { role: 'assistant', content: text }, user('a')] }),
  'a call and its result': (text) => ({
    messages: [user('a'), calling(text), { role: 'tool', tool_call_id: 'call_1', content: text }],
  }),
  'an address': (text) => ({
    messages: [user([{ type: 'image_url', image_url: { url: `data:${text}` } }])],
  }),
  'a name': (text) => ({ messages: [{ ...user('a'), name: text }] }),
  'a tool': (text) => ({
    messages: [user('a')],
    tools: [{ type: 'function', function: { name: 'f', description: text, parameters: { a: text } } }],
  }),
  'a role': (text) => ({ messages: [{ role: text, content: 'a' }] }),
  'a model': (text) => ({ model: text, messages: [user('a')] }),
  'a sequence to stop at': (text) => ({ messages: [user('a')], stop: [text] }),
  'a user': (text) => ({ messages: [user('a')], user: text }),
};

describe('a text that is dear to read', () => {
  const app = useWireApp();
  let poor: PayingKey;
  let bot: string;
  let talk: string;

  beforeAll(async () => {
    poor = await payingKey(app.tollgate, 0);
    bot = await newChatbot(app.tollgate, {}, { accountId: poor.accountId });
    const created = await app.tollgate.post('/v1/conversations', { items: [user('x')] }, poor.headers);
    talk = ((await created.json()) as { id: string }).id;
    // What is loaded and compiled at first use is nobody's text.
    await app.tollgate.post('/v1/chat/completions', { model: MODEL, messages: [user('a'.repeat(20_000))] });
  });
  beforeEach(() => {
    app.upstream.otherwise(json(chatAnswer({ usage: null })));
  });

  /** Longest turns by what was sent, of those that were too long; and no request is answered with a fault of ours. */
  async function standstills(
    asked: Iterable<readonly [name: string, ...Asked]>,
    headers: Readonly<Record<string, string>>,
  ): Promise<object> {
    const found: Record<string, unknown> = {};
    for (const [name, path, body] of asked) {
      const bytes = Buffer.from(JSON.stringify(body));
      let status = 0;
      const longest = await longestTurnMs(async () => {
        const answer = await app.tollgate.post(path, bytes, headers);
        status = answer.status;
        await answer.arrayBuffer();
      });
      if (longest > STANDSTILL_MS || status >= 500) found[name] = { longest, status };
    }
    return found;
  }

  describe.each(Object.keys(COSTLY_TEXTS))('%s', (kind) => {
    const text = COSTLY_TEXTS[kind]!(CHARS);

    it('stops nobody where nothing is paid', async () => {
      const asked = Object.entries(FREE).map(([name, of]) => [name, ...of(text)] as const);
      const more = [`/v1/conversations/${talk}/items`, { items: [user(text)] }] as const;
      expect(await standstills([...asked, ['an item', ...more]], poor.headers)).toEqual({});
    });

    it('stops nobody in a request that cannot be paid', async () => {
      const asked = Object.entries(ASKING).flatMap(([name, of]) => [
        [`${name} to a model`, '/v1/chat/completions', { model: MODEL, ...of(text) }] as const,
        [`${name} to a chatbot`, '/v1/chat/completions', { model: bot, ...of(text) }] as const,
        [
          `${name} in a conversation`,
          '/v1/chat/completions',
          { model: MODEL, conversation_id: talk, ...of(text) },
        ] as const,
      ]);
      expect(await standstills(asked, poor.headers)).toEqual({});
    });

    it('stops nobody in a legacy completion', async () => {
      const many = Array.from({ length: 1024 }, () => 'a');
      const asked = SURFACES.flatMap(({ name, completions }) =>
        [MODEL, 'test/native', bot].flatMap((model) => [
          [`a prompt on ${name} to ${model}`, completions, { model, prompt: text }] as const,
          [`a suffix on ${name} to ${model}`, completions, { model, prompt: many, suffix: text }] as const,
        ]),
      );
      expect(await standstills(asked, poor.headers)).toEqual({});
    });

    it('stops nobody as the value of a variable that is used many times', async () => {
      const systemPrompt = '{{v}}'.repeat(256);
      const variables = { v: COSTLY_TEXTS[kind]!(4_000) };
      const { accountId } = poor;
      const repeating = await newChatbot(app.tollgate, { systemPrompt, variables }, { accountId });
      const prompt = Array.from({ length: 1024 }, () => 'a');
      const asked = [
        ['a chat', '/v1/chat/completions', { model: repeating, messages: [user('a')] }] as const,
        ['a thousand prompts', '/v1/completions', { model: repeating, prompt }] as const,
      ];
      expect(await standstills(asked, poor.headers)).toEqual({});
    });

    it('stops nobody in an answered request', async () => {
      const asked = SURFACES.flatMap(({ name, chat }) => [
        [
          `a message on ${name}`,
          chat,
          { model: MODEL, max_tokens: 10, ...ASKING['a message']!(text) },
        ] as const,
        [
          `a call on ${name}`,
          chat,
          { model: MODEL, max_tokens: 10, ...ASKING['a call and its result']!(text) },
        ] as const,
      ]);
      expect(await standstills(asked, {})).toEqual({});
    });
  });
});

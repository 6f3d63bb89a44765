import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { COSTLY_TEXTS } from '../support/costly-texts.js';
import { newChatbot } from '../support/chatbots.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { payingKey, type PayingKey } from '../support/paying-key.js';
import { longestTurnMs } from '../support/thread-cpu.js';
import { useWireApp } from '../support/wire-app.js';

/** As long as one text may be, and as a body of 20 MiB may hold. */
const MOST_CHARS = 8 * 1024 * 1024 - 64;
const MOST_BYTES = 19 * 1024 * 1024;

/** With all that reading and writing such a body takes; the bodies of this test took seconds to a minute. */
const STANDSTILL_MS = 500;

const KINDS = [
  'one letter',
  'blanks',
  'lines of CR',
  'escapes of JSON',
  'empty objects',
  'numbers of JSON',
  'Chinese characters',
  'letters to be composed',
  'marks in the wrong order',
  'marks in turn',
  'characters of two halves',
  'Latin letters with accents',
];

const user = (content: string) => ({ role: 'user', content });
const calling = (text: string) => ({
  role: 'assistant',
  content: null,
  function_call: { name: 'f', arguments: text },
});

/** As long as it may be. */
function largest(kind: string): string {
  const sample = COSTLY_TEXTS[kind]!(10_000);
  const bytesPerChar = Buffer.byteLength(JSON.stringify(sample)) / sample.length;
  return COSTLY_TEXTS[kind]!(Math.floor(Math.min(MOST_CHARS, MOST_BYTES / bytesPerChar)));
}

describe('a text as long as it may be', () => {
  const app = useWireApp();
  let poor: PayingKey;
  let bot: string;
  let talk: string;

  beforeAll(async () => {
    poor = await payingKey(app.tollgate, 0);
    bot = await newChatbot(app.tollgate, {}, { accountId: poor.accountId });
    const items = [user('x'), { role: 'assistant', content: 'y' }];
    const created = await app.tollgate.post('/v1/conversations', { items }, poor.headers);
    talk = ((await created.json()) as { id: string }).id;
    await app.tollgate.post('/v1/chat/completions', { model: bot, messages: [user('a'.repeat(20_000))] });
  });
  beforeEach(() => {
    app.upstream.otherwise(json(chatAnswer({ usage: null })));
  });

  it.each(KINDS)('stops nobody: %s', async (kind) => {
    const text = largest(kind);
    const chat = '/v1/chat/completions';
    const many = Array.from({ length: 1024 }, () => 'a');
    const history = [user(text), { role: 'assistant', content: 'y' }, user('z')];
    const asked: Record<string, readonly [path: string, body: object]> = {
      'a new conversation': ['/v1/conversations', { items: [user(text)] }],
      'a call in a new conversation': ['/v1/conversations', { items: [calling(text)] }],
      'a chat': [chat, { model: 'test/model', messages: [user(text)] }],
      'a chat with a call': [chat, { model: 'test/model', messages: [user('a'), calling(text), user('b')] }],
      'a chat with a chatbot': [chat, { model: bot, messages: [user(text)] }],
      'a history that is sent again': [
        chat,
        { model: 'test/model', conversation_id: talk, messages: history },
      ],
      'a suffix of many prompts': ['/v1/completions', { model: 'test/model', prompt: many, suffix: text }],
      'a suffix of many prompts, natively': [
        '/v1/completions',
        { model: 'test/native', prompt: many, suffix: text },
      ],
    };
    const found: Record<string, unknown> = {};
    for (const [name, [path, body]] of Object.entries(asked)) {
      const bytes = Buffer.from(JSON.stringify(body));
      let status = 0;
      const longest = await longestTurnMs(async () => {
        const answer = await app.tollgate.post(path, bytes, poor.headers);
        status = answer.status;
        await answer.arrayBuffer();
      });
      if (longest > STANDSTILL_MS || status >= 500 || status === 413) found[name] = { longest, status };
    }
    expect(found).toEqual({});
  });
});

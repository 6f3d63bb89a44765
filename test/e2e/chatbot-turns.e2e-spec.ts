import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { askChat } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const user = (content: string) => ({ role: 'user', content });
const assistant = (content: string) => ({ role: 'assistant', content });
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe.each([false, true])('a chatbot with a conversation (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let bot: string;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    bot = await newChatbot(tollgate);
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });
  beforeEach(() => {
    upstream.requests.length = 0;
  });

  const ask = async (body: Record<string, unknown>, path = '/v1') => {
    const response = await tollgate.post(`${path}/chat/completions`, { model: bot, stream, ...body });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text };
  };
  const sent = () => upstream.requests.at(-1)?.body['messages'] as unknown[];

  it('case 16: puts its system prompt first and its settings in, and names itself in the answer', async () => {
    const { status, text } = await ask({ messages: [user('hi')] });
    expect(status).toBe(200);
    expect(text).toContain(`"model":"${bot}"`);
    expect(upstream.requests.at(-1)?.body).toMatchObject({
      messages: [{ role: 'system', content: 'You are Bot.' }, user('hi')],
      temperature: 0.7,
      max_tokens: 4096,
    });
  });

  it('case 28: remembers what was said in a conversation, and nothing of another', async () => {
    const id = `memory-${stream}`;
    await ask({ conversation_id: id, messages: [user('one')] });
    await ask({ conversation_id: id, messages: [user('two')] });
    const answer = assistant('Hello there!');
    expect(sent()).toEqual([{ role: 'system', content: 'You are Bot.' }, user('one'), answer, user('two')]);
    await ask({ conversation_id: `${id}-other`, messages: [user('three')] });
    expect(sent()).toEqual([{ role: 'system', content: 'You are Bot.' }, user('three')]);
  });

  it.each([undefined, null, '', 'UID'])(
    'case 28: begins a conversation of its own for %p and can go on with it',
    async (asked) => {
      const first = await ask({ conversation_id: asked, messages: [user('one')] });
      const id = first.headers.get('x-conversation-id') ?? '';
      expect(id).toMatch(UUID);
      expect(first.text).toContain(`"conversation_id":"${id}"`);
      await ask({ conversation_id: id, messages: [user('two')] });
      expect(sent()).toHaveLength(4);
    },
  );

  it('recognises a history that is sent again', async () => {
    const id = `again-${stream}`;
    await ask({ conversation_id: id, messages: [user('one')] });
    await ask({ conversation_id: id, messages: [user('one'), assistant('Hello there!'), user('two')] });
    expect(sent()).toHaveLength(4);
    await ask({ conversation_id: id, messages: [user('three')] });
    expect(sent()).toHaveLength(6);
  });

  it('recognises a window of a long history, however much of it the client keeps', async () => {
    const id = `window-${stream}`;
    const long = Array.from({ length: 40 }, (_, n) => [user(`q${n}`), assistant(`a${n}`)]).flat();
    await ask({ conversation_id: id, messages: [...long, user('one')] });
    const answer = assistant('Hello there!');
    const window = [...long.slice(8), user('one'), answer];
    expect(window.length).toBeGreaterThan(64);
    await ask({ conversation_id: id, messages: [...window, user('two')] });
    expect(sent().slice(1)).toEqual([...long, user('one'), answer, user('two')]);
  });

  it('leaves a conversation as it was when the answer breaks off', async () => {
    const id = `broken-${stream}`;
    await ask({ conversation_id: id, messages: [user('one')] });
    upstream.enqueue(json({ error: { message: 'no' } }, { status: 500 }));
    expect((await ask({ conversation_id: id, messages: [user('lost')] })).status).toBe(499);
    await ask({ conversation_id: id, messages: [user('two')] });
    expect(sent().slice(1)).toEqual([user('one'), assistant('Hello there!'), user('two')]);
  });

  it('answers the requests of one conversation one after the other', async () => {
    const id = `ordered-${stream}`;
    upstream.enqueue(async (response, request) => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return json(chatAnswer())(response, request);
    });
    await Promise.all(['a', 'b', 'c'].map((text) => ask({ conversation_id: id, messages: [user(text)] })));
    expect(upstream.requests.map(({ body }) => (body['messages'] as unknown[]).length)).toEqual([2, 4, 6]);
  });

  it('tells in the story what was sent, and keeps the books', async () => {
    const id = `story-${stream}`;
    await ask({ conversation_id: id, messages: [user('one')] });
    const { headers } = await ask({ conversation_id: id, messages: [user('two')] });
    const usage = await tollgate.usageOf(headers.get('x-request-id') ?? '');
    expect(usage?.model).toBe(MODEL);
    expect(usage?.context).toMatchObject({
      chatbot: { id: bot, version: 1 },
      conversation: { memory: 'window', messages_stored: 2, messages_sent: 2, messages_dropped: 0 },
    });
    expect(await brokenInvariantsOf(tollgate)).toEqual([]);
  });

  it('answers on the other surfaces, without memory', async () => {
    for (const path of ['/api/v1', '/api/public/v1/openai']) {
      const { status, headers } = await ask({ conversation_id: 'q', messages: [user('hi')] }, path);
      expect(status).toBe(200);
      expect(headers.get('x-conversation-id')).toBeNull();
      expect(sent()).toEqual([{ role: 'system', content: 'You are Bot.' }, user('hi')]);
    }
  });

  it('goes on with a conversation by the id that we gave it, with plain models and chatbots', async () => {
    const { id } = (await (await tollgate.post('/v1/conversations', {})).json()) as { id: string };
    await ask({ model: MODEL, conversation_id: id, messages: [user('one')] });
    await ask({ model: MODEL, conversation_id: id, messages: [user('two')] });
    expect(sent()).toEqual([user('one'), assistant('Hello there!'), user('two')]);
    await ask({ conversation_id: id, messages: [user('three')] });
    expect(sent()).toHaveLength(6);
  });

  it('finds a chatbot’s conversation by our id, and shows it to no other model', async () => {
    const first = await ask({ messages: [user('one')] });
    const usage = await tollgate.usageOf(first.headers.get('x-request-id') ?? '');
    const id = usage?.context?.conversation?.id;
    await ask({ conversation_id: id, messages: [user('two')] });
    expect(sent()).toHaveLength(4);
    const { status, text } = await ask({ model: MODEL, conversation_id: id, messages: [user('three')] });
    expect(status).toBe(404);
    const unknown = await ask({ conversation_id: `conv_${'0'.repeat(32)}`, messages: [user('three')] });
    expect(unknown.text).toBe(text);
  });

  it('takes the result of a tool alone, and refuses one that answers nothing', async () => {
    const id = `tool-${stream}`;
    const call = { id: 'call_1', type: 'function' as const, function: { name: 'f', arguments: '{}' } };
    const tools = [{ type: 'function', function: { name: 'f' } }];
    upstream.enqueue(
      stream
        ? sse(chatChunks('', { toolCalls: [{ id: 'call_1', name: 'f', arguments: '{}' }] }))
        : json(chatAnswer({ toolCalls: [{ id: 'call_1', name: 'f', arguments: '{}' }] })),
    );
    const result = { role: 'tool', tool_call_id: 'call_1', content: 'sunny' };
    expect((await ask({ conversation_id: id, messages: [result] })).status).toBe(400);
    await ask({ conversation_id: id, messages: [user('weather?')], tools });
    const { status } = await ask({ conversation_id: id, messages: [result], tools });
    expect(status).toBe(200);
    expect(sent().slice(1)).toEqual([
      user('weather?'),
      { role: 'assistant', content: expect.anything(), tool_calls: [call] },
      result,
    ]);
    const stray = await ask({ model: MODEL, conversation_id: 'label', messages: [result] });
    expect(stray.status).toBe(400);
  });

  it('refuses a turn of more new messages than are written while others wait', async () => {
    const many = Array.from({ length: 1025 }, (_, turn) => user(String(turn)));
    const { status, text } = await ask({ conversation_id: `many-${stream}`, messages: many });
    expect(status).toBe(400);
    expect(text).toContain('array_above_max_length');
    expect((await ask({ conversation_id: `many-${stream}`, messages: many.slice(1) })).status).toBe(200);
    expect((await ask({ model: MODEL, store: true, messages: many })).status).toBe(400);
    expect((await ask({ model: MODEL, messages: many })).status).toBe(200);
  });

  it('says in our words that the model behind it is gone', async () => {
    const orphan = await newChatbot(tollgate, { model: 'test/gone' });
    const { status, text } = await ask({ model: orphan, messages: [user('hi')] });
    expect(status).toBe(404);
    expect(text).toContain('The model behind this chatbot is not available any more.');
    expect(text).not.toContain('test/gone');
  });
});

describe('a conversation that begins with a stream', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let bot: string;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    bot = await newChatbot(tollgate);
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  it('is gone on with in order by a client that read its id from the head of the stream', async () => {
    const held = new HeldAnswer(true);
    upstream.enqueue(held.reply);
    const stream = tollgate.post('/v1/chat/completions', {
      model: bot,
      stream: true,
      messages: [user('one')],
    });
    await held.begin(2);
    const first = await stream;
    const conversation_id = first.headers.get('x-conversation-id');
    // Another process refuses the second request by this name.
    const { kysely } = tollgate.app.get(Database);
    const open = await kysely
      .selectFrom('holds')
      .select('exclusive_name')
      .where('state', '=', 'open')
      .execute();
    expect(open).toEqual([{ exclusive_name: expect.stringMatching(/^conversation:/) }]);

    const second = askChat(tollgate, { model: bot, conversation_id, messages: [user('two')] });
    await sleep(100);
    await held.end(2);
    await first.text();
    expect((await second).status).toBe(200);
    // The hold outlives what was said: nothing in it tells under which id.
    const closed = await kysely.selectFrom('holds').select('exclusive_name').execute();
    expect(new Set(closed.map(({ exclusive_name }) => exclusive_name))).toEqual(new Set([null]));
    expect(upstream.requests.at(-1)?.body['messages']).toEqual([
      { role: 'system', content: 'You are Bot.' },
      user('one'),
      assistant('Hello there!'),
      user('two'),
    ]);
  });
});

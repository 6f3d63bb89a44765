import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import { ConversationRepository } from '../../src/conversations/conversation.repository.js';
import { StoredMessageRepository } from '../../src/conversations/stored-message.repository.js';
import { askChat, type Answered } from '../support/chat-asking.js';
import { ConversationsClient } from '../support/conversations.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const STORED = 20_000;
const MOST_READ = 8_192;
/** Read at a time. */
const PAGE = 512;

const said = (n: number): ChatMessage => ({ role: n % 2 === 0 ? 'user' : 'assistant', content: `m${n}` });

const result = (tool_call_id: string): ChatMessage => ({ role: 'tool', tool_call_id, content: '1' });

describe('a conversation of very many messages', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let key: { secret: string; accountId: string };
  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    key = await tollgate.newKey();
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });
  beforeEach(() => upstream.clear());

  async function conversationOf(messages: readonly ChatMessage[]): Promise<string> {
    const { id } = await new ConversationsClient(tollgate, key.secret).create();
    const records = tollgate.app.get(ConversationRepository, { strict: false });
    for (let start = 0; start < messages.length; start += 1_000) {
      await records.addMessages(key.accountId, id, messages.slice(start, start + 1_000), Date.now());
    }
    return id;
  }

  const ask = (conversation_id: string, messages: readonly object[]): Promise<Answered> =>
    askChat(tollgate, { model: MODEL, conversation_id, messages }, { key: key.secret });

  const sent = (): ChatMessage[] => {
    const [body] = upstream.requests.map((request) => request.body as { messages: ChatMessage[] });
    return body?.messages ?? [];
  };

  it('is read no further back than a request may be long, although all of it would fit', async () => {
    const id = await conversationOf(Array.from({ length: STORED }, (_, n) => said(n)));
    expect((await ask(id, [{ role: 'user', content: 'And now?' }])).status).toBe(200);
    const messages = sent();
    expect(messages.at(-2)).toMatchObject(said(STORED - 1));
    expect(messages.length).toBeGreaterThan(MOST_READ - PAGE);
    expect(messages.length).toBeLessThanOrEqual(MOST_READ + PAGE);
  });

  it('is not left by a history that goes back behind too many, and says so', async () => {
    const id = await conversationOf(Array.from({ length: MOST_READ + 4 }, (_, n) => said(n)));
    const edited = { role: 'user', content: 'Something else' };
    const refused = await ask(id, [said(0), said(1), edited]);
    expect([refused.status, refused.error.param]).toEqual([400, 'messages']);
    expect(refused.error.message).toContain('behind more than the last 8192 messages');
    expect(upstream.requests).toEqual([]);
    expect((await ask(id, [said(0), said(1), said(2), said(3), edited])).status).toBe(200);
    expect(sent()).toHaveLength(5);
  });

  it('is looked through for the call of a result no further than one turn can reach', async () => {
    const call = { id: 'call_1', type: 'custom', custom: { name: 'f', input: 'x' } } as const;
    const near = await conversationOf([
      { role: 'assistant', content: null, tool_calls: [call] },
      ...Array.from({ length: 500 }, () => result('call_1')),
    ]);
    const far = await conversationOf([
      { role: 'assistant', content: null, tool_calls: [call] },
      ...Array.from({ length: 1_500 }, () => result('call_1')),
    ]);
    const client = new ConversationsClient(tollgate, key.secret);
    const pages = jest.spyOn(tollgate.app.get(StoredMessageRepository, { strict: false }), 'list');
    const newestType = async (id: string): Promise<string | undefined> =>
      (await client.page<{ type: string }>(`/conversations/${id}/items`, 'limit=1')).data[0]?.type;
    expect(await newestType(near)).toBe('custom_tool_call_output');
    pages.mockClear();
    expect(await newestType(far)).toBe('function_call_output');
    expect(pages.mock.calls.length).toBeLessThan(70);
    pages.mockRestore();
  });

  it('takes the last results of a call of many tools, when the others are stored one by one', async () => {
    const names = Array.from({ length: 100 }, (_, n) => `call_${n}`);
    const id = await conversationOf([
      { role: 'user', content: 'Look all of them up' },
      {
        role: 'assistant',
        content: null,
        tool_calls: names.map((name) => ({
          id: name,
          type: 'function',
          function: { name: 'f', arguments: '{}' },
        })),
      },
      ...names.slice(0, 80).map(result),
    ]);
    expect((await ask(id, [result('call_other')])).status).toBe(400);
    expect((await ask(id, names.slice(80).map(result))).status).toBe(200);
    expect(sent()).toHaveLength(102);
  });
});

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI, { NotFoundError } from 'openai';
import type { ResponseInputItem } from 'openai/resources/responses/responses';
import { collect } from './collect.js';
import { Tollgate } from '../support/tollgate.js';

const CALLS: ResponseInputItem[] = [
  { role: 'user', content: 'Is it raining in Paris or in Rome?' },
  {
    type: 'message',
    id: 'msg_of_another_service',
    role: 'assistant',
    status: 'completed',
    content: [{ type: 'output_text', text: 'Let me look.', annotations: [] }],
  },
  { type: 'function_call', call_id: 'call_1', name: 'weather', arguments: '{"city":"Paris"}' },
  { type: 'function_call', call_id: 'call_2', name: 'weather', arguments: '{"city":"Rome"}' },
  { type: 'function_call_output', call_id: 'call_1', output: 'rain' },
  { type: 'function_call_output', call_id: 'call_2', output: [{ type: 'input_text', text: 'sun' }] },
  { type: 'custom_tool_call', call_id: 'call_3', name: 'note', input: 'Paris: umbrella' },
  { type: 'custom_tool_call_output', call_id: 'call_3', output: 'noted' },
];

describe('openai-node 7: conversations', () => {
  let tollgate: Tollgate;
  let client: OpenAI;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    client = new OpenAI({ apiKey: tollgate.key, baseURL: `${tollgate.origin}/v1`, maxRetries: 0 });
  });
  afterAll(() => tollgate.close());

  it('begins, reads, changes and deletes a conversation', async () => {
    const made = await client.conversations.create({ metadata: { topic: 'demo' } });
    expect(made).toMatchObject({
      id: expect.stringMatching(/^conv_[0-9a-f]{32}$/),
      object: 'conversation',
      created_at: expect.any(Number),
      metadata: { topic: 'demo' },
    });
    expect(await client.conversations.retrieve(made.id)).toEqual(made);
    const changed = await client.conversations.update(made.id, { metadata: { topic: 'other' } });
    expect(changed).toEqual({ ...made, metadata: { topic: 'other' } });
    const cleared = await client.conversations.update(made.id, { metadata: null });
    expect(cleared).toEqual({ ...made, metadata: {} });
    expect(await client.conversations.retrieve(made.id)).toEqual(cleared);
    expect(await client.conversations.delete(made.id)).toEqual({
      id: made.id,
      object: 'conversation.deleted',
      deleted: true,
    });
    await expect(client.conversations.retrieve(made.id)).rejects.toThrow(NotFoundError);
  });

  it('begins one without a body', async () => {
    expect((await client.conversations.create()).metadata).toEqual({});
  });

  it('shows items as they were put in, by pages and one by one', async () => {
    const { id } = await client.conversations.create({ items: CALLS.slice(0, 2) });
    const added = await client.conversations.items.create(id, {
      items: CALLS.slice(2),
      include: ['message.output_text.logprobs'],
    });
    expect(added.data.map(({ type }) => type)).toEqual(CALLS.slice(2).map((item) => item.type));
    const items = await collect(client.conversations.items.list(id, { order: 'asc', limit: 3 }));
    expect(items).toMatchObject([
      {
        type: 'message',
        role: 'user',
        status: 'completed',
        content: [{ type: 'input_text', text: 'Is it raining in Paris or in Rome?' }],
      },
      { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Let me look.' }] },
      ...CALLS.slice(2, 5),
      { type: 'function_call_output', call_id: 'call_2', output: 'sun' },
      ...CALLS.slice(6),
    ]);
    expect(await collect(client.conversations.items.list(id, { limit: 3 }))).toEqual(items.toReversed());
    for (const item of items) {
      const found = await client.conversations.items.retrieve(item.id ?? '', { conversation_id: id });
      expect(found).toEqual(item);
    }
  });

  it('deletes items one by one, also while it iterates over them', async () => {
    const { id } = await client.conversations.create({ items: CALLS });
    let left = CALLS.length;
    for await (const item of client.conversations.items.list(id, { limit: 2 })) {
      const conversation = await client.conversations.items.delete(item.id ?? '', { conversation_id: id });
      expect(conversation).toMatchObject({ id, object: 'conversation' });
      left -= 1;
    }
    expect(left).toBe(0);
    expect((await client.conversations.items.list(id)).data).toEqual([]);
  });

  it('goes on with a conversation in chat completions, streamed and not', async () => {
    const { id } = await client.conversations.create({ items: CALLS.slice(0, 2) });
    const ask = (content: string) => ({
      model: 'sandbox/echo',
      messages: [{ role: 'user' as const, content }],
      conversation_id: id,
    });
    const answer = await client.chat.completions.create(ask('and now?'));
    expect(answer).toMatchObject({ conversation_id: id });
    await collect(await client.chat.completions.create({ ...ask('and then?'), stream: true }));
    const items = await collect(client.conversations.items.list(id, { order: 'asc' }));
    expect(items.map((item) => ('role' in item ? item.role : item.type))).toEqual([
      'user',
      'assistant',
      'user',
      'assistant',
      'user',
      'assistant',
    ]);
  });

  it('tells of what is wrong as OpenAI does', async () => {
    const { id } = await client.conversations.create();
    const add = client.conversations.items.create(id, {
      items: [{ type: 'web_search_call', id: 'ws_1', status: 'completed' } as never],
    });
    await expect(add).rejects.toMatchObject({ status: 400, param: 'items[0].type', code: 'invalid_value' });
    await expect(client.conversations.items.retrieve('msg_1', { conversation_id: id })).rejects.toThrow(
      NotFoundError,
    );
  });

  it('lists, reads, changes and deletes stored chat completions', async () => {
    const ask = (content: string, metadata: Record<string, string>) =>
      client.chat.completions.create({
        model: 'sandbox/echo',
        messages: [{ role: 'user', content }],
        store: true,
        metadata,
      });
    const red = await ask('one', { colour: 'red' });
    const blue = await ask('two', { colour: 'blue' });
    const both = await collect(client.chat.completions.list({ limit: 1 }));
    expect(both.map(({ id }) => id)).toEqual([red.id, blue.id]);
    const reds = await collect(client.chat.completions.list({ metadata: { colour: 'red' }, order: 'desc' }));
    expect(reds.map(({ id }) => id)).toEqual([red.id]);
    const any = await collect(client.chat.completions.list({ metadata: null }));
    expect(any.map(({ id }) => id)).toEqual([red.id, blue.id]);
    expect(await client.chat.completions.retrieve(red.id)).toMatchObject({
      id: red.id,
      choices: red.choices,
      usage: red.usage,
    });
    const changed = await client.chat.completions.update(red.id, { metadata: { colour: 'green' } });
    expect(changed).toMatchObject({ id: red.id, metadata: { colour: 'green' } });
    const cleared = await client.chat.completions.update(red.id, { metadata: null });
    expect(cleared).toEqual({ ...changed, metadata: {} });
    expect(await client.chat.completions.retrieve(red.id)).toEqual(cleared);
    const messages = await collect(client.chat.completions.messages.list(red.id));
    expect(messages).toMatchObject([{ id: `${red.id}-0`, role: 'user', content: 'one' }]);
    expect(await client.chat.completions.delete(red.id)).toEqual({
      object: 'chat.completion.deleted',
      id: red.id,
      deleted: true,
    });
    await expect(client.chat.completions.retrieve(red.id)).rejects.toThrow(NotFoundError);
    expect((await client.chat.completions.list()).data).toHaveLength(1);
  });
});

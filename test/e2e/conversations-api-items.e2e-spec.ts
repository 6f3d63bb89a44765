import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ConversationItem } from '../../src/contracts/openai/conversation-item.dto.js';
import { Database } from '../../src/persistence/database.js';
import { OpenApiJudge, type OpenApi } from '../support/openapi-document.js';
import { ConversationsClient, textOf } from '../support/conversations.js';
import { newChatbot } from '../support/chatbots.js';
import { MODEL, type Tollgate } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';

const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown) => ({ role: 'assistant', content });
const call = (id: string) => ({ type: 'function_call', call_id: id, name: 'look', arguments: '{}' });
const output = (id: string) => ({ type: 'function_call_output', call_id: id, output: `done ${id}` });
const IMAGE = 'data:image/png;base64,aGk=';

describe('/v1/conversations/{id}/items', () => {
  const app = useWireApp();
  let client: ConversationsClient;
  let key: Awaited<ReturnType<Tollgate['newKey']>>;

  beforeAll(async () => {
    key = await app.tollgate.newKey();
    client = new ConversationsClient(app.tollgate, key.secret);
  });

  const listed = (id: string, query = 'order=asc&limit=100') =>
    client.all<ConversationItem>(`/conversations/${id}/items`, query);

  /** What a plain model is sent of the conversation. */
  async function sentOf(id: string): Promise<unknown[]> {
    const response = await app.tollgate.post(
      '/v1/chat/completions',
      { model: MODEL, conversation_id: id, messages: [user('go on')] },
      client.headers,
    );
    expect(response.status).toBe(200);
    const sent = app.upstream.requests.at(-1)?.body['messages'] as unknown[];
    return sent.slice(0, -1);
  }

  it('are exchanges however they are put in: at once or one by one', async () => {
    const said = [
      [user('My name is Ada')],
      [assistant('Hello Ada')],
      [user('Look'), user('there')],
      [call('1')],
      [output('1')],
      [assistant('Seen')],
    ];
    const { id } = await client.create({ items: said[0] });
    for (const items of said.slice(1)) await client.add(id, items);
    const { id: atOnce } = await client.create({ items: said.flat() });
    expect(await client.get(id)).toMatchObject({ messages: 7, turns: 2 });
    expect(await client.get(atOnce)).toMatchObject({ messages: 7, turns: 2 });

    const chatbot = await newChatbot(
      app.tollgate,
      { memory: { kind: 'turns', turns: 1 } },
      { accountId: key.accountId },
    );
    await app.tollgate.post(
      '/v1/chat/completions',
      { model: chatbot, conversation_id: id, messages: [user('go on')] },
      client.headers,
    );
    const sent = app.upstream.requests.at(-1)?.body['messages'] as { role: string }[];
    expect(sent.map(({ role }) => role)).toEqual([
      'system',
      'user',
      'user',
      'assistant',
      'tool',
      'assistant',
      'user',
    ]);
  });

  describe('what may be put in', () => {
    it('everything that a chat model can be sent, in the shapes of either API', async () => {
      const { id } = await client.create();
      const { data, has_more, first_id, last_id } = await client.add(id, [
        user('text'),
        {
          type: 'message',
          role: 'user',
          content: [
            { type: 'input_text', text: 'look' },
            { type: 'input_image', image_url: IMAGE, file_id: null, detail: 'low' },
            { type: 'input_file', filename: 'a.txt', file_data: 'aGk=' },
          ],
        },
        { role: 'user', content: [{ type: 'image_url', image_url: { url: IMAGE } }], name: 'ann' },
        {
          type: 'message',
          id: 'msg_x',
          status: 'completed',
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'I see', annotations: [], logprobs: [] },
            { type: 'refusal', refusal: 'and say no more' },
          ],
        },
        { role: 'user', content: [{ type: 'input_text', text: 'one part' }], foo: 1 },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        { role: 'tool', tool_call_id: 'c', content: 'result' },
      ]);
      expect({ has_more, ids: [first_id, last_id] }).toEqual({
        has_more: false,
        ids: [data[0]?.id, data.at(-1)?.id],
      });
      expect(data).toEqual(await listed(id));
      expect(data).toMatchObject([
        { role: 'user', content: [{ type: 'input_text', text: 'text' }] },
        {
          content: [
            { type: 'input_text', text: 'look' },
            { type: 'input_image', image_url: IMAGE, detail: 'low' },
            { type: 'input_file', filename: 'a.txt', file_data: 'aGk=' },
          ],
        },
        { content: [{ type: 'input_image', image_url: IMAGE, detail: 'auto' }], name: 'ann' },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'I see', annotations: [] },
            { type: 'refusal', refusal: 'and say no more' },
          ],
        },
        { content: [{ type: 'input_text', text: 'one part' }] },
        { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}', status: 'completed' },
        { type: 'function_call_output', call_id: 'c', output: 'result', status: 'completed' },
      ]);
      expect(await sentOf(id)).toMatchObject([
        user('text'),
        user([
          { type: 'text', text: 'look' },
          { type: 'image_url', image_url: { url: IMAGE, detail: 'low' } },
          { type: 'file', file: { filename: 'a.txt', file_data: 'aGk=' } },
        ]),
        { role: 'user', name: 'ann' },
        { role: 'assistant', content: 'I see' },
        user('one part'),
        { role: 'assistant', tool_calls: [{ id: 'c' }] },
        { role: 'tool', tool_call_id: 'c', content: 'result' },
      ]);
    });

    it('parallel calls become one message, as models expect them', async () => {
      const { id } = await client.create({
        items: [user('both?'), assistant('Let me look.'), call('a'), call('b'), output('a'), output('b')],
      });
      expect(await client.get(id)).toMatchObject({ messages: 4 });
      expect((await sentOf(id))[1]).toMatchObject({
        content: 'Let me look.',
        tool_calls: [{ id: 'a' }, { id: 'b' }],
      });
    });

    it.each([
      ['no items', undefined, 'items', 'missing_required_parameter'],
      ['text', 'x', 'items', 'invalid_type'],
      ['an empty list', [], 'items', 'empty_array'],
      ['21 items', Array.from({ length: 21 }, () => user('x')), 'items', 'array_above_max_length'],
      ['text for an item', ['x'], 'items[0]', 'invalid_type'],
      ['an item without a role', [{ content: 'x' }], 'items[0].role', 'missing_required_parameter'],
      ['an unknown role', [{ role: 'bot', content: 'x' }], 'items[0].role', 'invalid_value'],
      ['instructions', [user('x'), { role: 'system', content: 'x' }], 'items[1].role', 'invalid_value'],
      [
        'instructions as a message',
        [{ type: 'message', role: 'developer', content: 'x' }],
        'items[0].role',
        'invalid_value',
      ],
      [
        'a type that no chat model knows',
        [{ type: 'web_search_call', id: 'ws_1' }],
        'items[0].type',
        'invalid_value',
      ],
      ['reasoning', [{ type: 'reasoning', id: 'rs_1', summary: [] }], 'items[0].type', 'invalid_value'],
      ['a reference', [{ type: 'item_reference', id: 'msg_1' }], 'items[0].type', 'invalid_value'],
      ['a type of numbers', [{ type: 7 }], 'items[0].type', 'invalid_type'],
      ['a message without content', [{ role: 'user' }], 'items[0].content', 'missing_required_parameter'],
      ['content of numbers', [user(7)], 'items[0].content', 'invalid_type'],
      ['content of no parts', [user([])], 'items[0].content', 'empty_array'],
      ['an unknown part', [user([{ type: 'input_video' }])], 'items[0].content[0].type', 'invalid_value'],
      [
        'an answer of the user',
        [user([{ type: 'output_text', text: 'x' }])],
        'items[0].content[0].type',
        'invalid_value',
      ],
      [
        'an image that is elsewhere',
        [user([{ type: 'input_image', file_id: 'file_1', detail: 'auto' }])],
        'items[0].content[0].image_url',
        'missing_required_parameter',
      ],
      [
        'an image of no address',
        [user([{ type: 'input_image', image_url: 'file:///etc/passwd' }])],
        'items[0].content[0].image_url',
        'invalid_value',
      ],
      [
        'an image in its own size',
        [user([{ type: 'input_image', image_url: IMAGE, detail: 'original' }])],
        'items[0].content[0].detail',
        'invalid_value',
      ],
      [
        'a file that is elsewhere',
        [user([{ type: 'input_file', file_url: 'https://example.org/a.pdf' }])],
        'items[0].content[0].file_data',
        'missing_required_parameter',
      ],
      [
        'a file without anything in it',
        [user([{ type: 'input_file', filename: 'a' }])],
        'items[0].content[0].file_data',
        'missing_required_parameter',
      ],
      [
        'a call without arguments',
        [{ type: 'function_call', call_id: 'a', name: 'f' }],
        'items[0].arguments',
        'missing_required_parameter',
      ],
      [
        'an output of nothing',
        [{ type: 'function_call_output', output: 'x' }],
        'items[0].call_id',
        'missing_required_parameter',
      ],
      [
        'an output of images',
        [
          {
            type: 'custom_tool_call_output',
            call_id: 'a',
            output: [{ type: 'input_image', image_url: IMAGE }],
          },
        ],
        'items[0].output[0].type',
        'invalid_value',
      ],
      [
        'a message of a tool without its call',
        [{ role: 'tool', content: 'x' }],
        'items[0].tool_call_id',
        'missing_required_parameter',
      ],
    ])('refuses %s', async (_what, items, param, code) => {
      const { id } = await client.create();
      const { status, body } = await client.send('POST', `/conversations/${id}/items`, { items });
      expect([status, body['error']]).toEqual([400, expect.objectContaining({ param, code })]);
      expect(await client.get(id)).toMatchObject({ messages: 0 });
      // With a conversation, no items are as good as none.
      if (items === undefined || items.length === 0) return;
      expect((await client.send('POST', '/conversations', { items })).status).toBe(400);
    });

    it('adds again what is sent again, whatever its Idempotency-Key', async () => {
      const headers = { ...client.headers, 'idempotency-key': 'the-same' };
      const { id } = await client.create();
      for (let time = 0; time < 2; time += 1) {
        const response = await app.tollgate.post(
          `/v1/conversations/${id}/items`,
          { items: [user('x')] },
          headers,
        );
        expect([response.status, response.headers.get('idempotent-replayed')]).toEqual([200, null]);
      }
      expect(await client.get(id)).toMatchObject({ messages: 2 });
    });

    it('says why instructions are refused', async () => {
      const { body } = await client.send('POST', '/conversations', {
        items: [{ role: 'system', content: 'x' }],
      });
      expect(body['detail']).toContain('send them with each request');
    });
  });

  describe('the list', () => {
    it('is newest first unless asked otherwise, and tells of every page how to go on', async () => {
      const { id } = await client.create({ items: ['1', '2', '3', '4', '5'].map(user) });
      const texts = async (query: string) => (await listed(id, query)).map(textOf);
      expect(await texts('limit=2')).toEqual(['5', '4', '3', '2', '1']);
      expect(await texts('limit=2&order=asc')).toEqual(['1', '2', '3', '4', '5']);
      const page = await client.page<ConversationItem>(`/conversations/${id}/items`, 'limit=2');
      expect(page).toMatchObject({
        object: 'list',
        first_id: page.data[0]?.id,
        last_id: page.data[1]?.id,
        has_more: true,
      });
      const all = await client.page(`/conversations/${id}/items`, 'limit=5&include=x&include[]=y');
      expect(all.has_more).toBe(false);
    });

    it('has 20 items a page unless asked otherwise', async () => {
      const { id } = await client.create({ items: Array.from({ length: 20 }, () => user('x')) });
      await client.add(id, [user('x')]);
      const page = await client.page(`/conversations/${id}/items`);
      expect([page.data.length, page.has_more]).toEqual([20, true]);
    });

    it('misses and repeats nothing while items are added', async () => {
      const { id } = await client.create({ items: ['1', '2', '3', '4', '5', '6'].map(user) });
      const add = () => client.add(id, [user('new')]);
      const path = `/conversations/${id}/items`;
      expect((await client.all<ConversationItem>(path, 'limit=2', add)).map(textOf)).toEqual([
        '6',
        '5',
        '4',
        '3',
        '2',
        '1',
      ]);
      let added = 0;
      const addSome = async () => (added < 3 ? ((added += 1), add()) : undefined);
      const oldest = await client.all<ConversationItem>(path, 'limit=2&order=asc', addSome);
      expect(oldest.map(textOf)).toEqual([
        '1',
        '2',
        '3',
        '4',
        '5',
        '6',
        ...Array.from({ length: 6 }, () => 'new'),
      ]);
    });

    it.each(['asc', 'desc'])('goes on within a message of many calls (%s)', async (order) => {
      const { id } = await client.create({
        items: [
          assistant('Let me look.'),
          call('a'),
          call('b'),
          call('c'),
          output('a'),
          output('b'),
          output('c'),
        ],
      });
      const whole = await listed(id, `order=${order}&limit=100`);
      expect(whole).toHaveLength(7);
      for (const limit of [1, 2, 3, 4, 5, 6]) {
        expect(await listed(id, `order=${order}&limit=${limit}`)).toEqual(whole);
      }
    });

    it("tells a custom tool's outputs however far the call is", async () => {
      const ids = Array.from({ length: 19 }, (_, i) => `c${i}`);
      const { id } = await client.create({
        items: [
          user('go'),
          ...ids.map((each) => ({ type: 'custom_tool_call', call_id: each, name: 'note', input: 'x' })),
        ],
      });
      await client.add(
        id,
        ids.map((each) => ({ type: 'custom_tool_call_output', call_id: each, output: 'noted' })),
      );
      const [newest] = (await client.page<ConversationItem>(`/conversations/${id}/items`, 'limit=1')).data;
      expect(newest).toMatchObject({ type: 'custom_tool_call_output', call_id: 'c18' });
      const { body } = await client.send('GET', `/conversations/${id}/items/${newest?.id}`);
      expect(body).toEqual(newest);
    });

    it('refuses an after that looks like no item', async () => {
      const { id } = await client.create({ items: [user('x')] });
      for (const after of ['msg_1', 'x', id, 'msg_ffffffffffffffffffffffffffffffff']) {
        const { status, body } = await client.send('GET', `/conversations/${id}/items?after=${after}`);
        expect([status, body['error']]).toEqual([400, expect.objectContaining({ param: 'after' })]);
      }
    });

    it('goes on after the place that an id tells, of whichever item it is', async () => {
      const { id } = await client.create({ items: [user('1'), user('2'), user('3')] });
      const other = await client.create({ items: [user('x'), user('y')] });
      const [, second] = await listed(id);
      const [, stranger] = await listed(other.id);
      await client.send('DELETE', `/conversations/${id}/items/${second?.id}`);
      for (const after of [second?.id, stranger?.id]) {
        const rest = await listed(id, `order=asc&after=${after}`);
        expect(rest.map(textOf)).toEqual(['3']);
      }
    });

    it('ends pages of megabytes early and loses nothing', async () => {
      const big = 'x'.repeat(3_000_000);
      const { id } = await client.create();
      for (const name of ['1', '2', '3', '4']) await client.add(id, [user(name + big)]);
      const path = `/conversations/${id}/items`;
      const page = await client.page<ConversationItem>(path, 'limit=100');
      expect([page.data.length, page.has_more]).toEqual([2, true]);
      const all = await client.all<ConversationItem>(path, 'limit=100&order=asc');
      expect(all.map((item) => textOf(item)[0])).toEqual(['1', '2', '3', '4']);
    });
  });

  describe('erasing', () => {
    it('takes one item and leaves the ids of the others', async () => {
      const { id } = await client.create({
        items: [user('both?'), assistant('Let me look.'), call('a'), call('b'), output('a'), output('b')],
      });
      const items = await listed(id);
      const [, said, first] = items;
      for (const gone of [first, said]) {
        const { status, body } = await client.send('DELETE', `/conversations/${id}/items/${gone?.id}`);
        expect([status, body]).toEqual([
          200,
          expect.objectContaining({ id, object: 'conversation', messages: 4 }),
        ]);
        expect((await client.send('GET', `/conversations/${id}/items/${gone?.id}`)).status).toBe(404);
        expect((await client.send('DELETE', `/conversations/${id}/items/${gone?.id}`)).status).toBe(404);
      }
      expect(await listed(id)).toEqual(items.filter((item) => item !== said && item !== first));
    });

    it('of a call or of its output: what has lost its counterpart is not sent to models', async () => {
      for (const index of [1, 2]) {
        const { id } = await client.create({
          items: [user('look'), call('a'), output('a'), assistant('Seen.'), user('more'), assistant('Sure.')],
        });
        const items = await listed(id);
        expect((await client.send('DELETE', `/conversations/${id}/items/${items[index]?.id}`)).status).toBe(
          200,
        );
        expect(await sentOf(id)).toEqual([
          user('look'),
          assistant('Seen.'),
          user('more'),
          assistant('Sure.'),
        ]);
      }
    });

    it('of the middle: the rest is recognised when a client sends it again', async () => {
      const { id } = await client.create({
        items: [user('1'), assistant('2'), user('3'), assistant('4'), user('5'), assistant('6')],
      });
      const [, , third, fourth] = await listed(id);
      for (const item of [third, fourth]) {
        await client.send('DELETE', `/conversations/${id}/items/${item?.id}`);
      }
      const messages = [user('1'), assistant('2'), user('5'), assistant('6'), user('7')];
      await app.tollgate.post(
        '/v1/chat/completions',
        { model: MODEL, conversation_id: id, messages },
        client.headers,
      );
      expect(app.upstream.requests.at(-1)?.body['messages']).toEqual(messages);
      expect((await listed(id)).map(textOf).slice(0, -1)).toEqual(['1', '2', '5', '6', '7']);
    });

    it('leaves nothing of its words in the database', async () => {
      const { id } = await client.create({ items: [user('keep'), assistant('SECRET')] });
      const [, item] = await listed(id);
      await client.send('DELETE', `/conversations/${id}/items/${item?.id}`);
      const rows = await app.tollgate.app
        .get(Database)
        .kysely.selectFrom('conversation_messages')
        .select('body')
        .where('conversation_id', '=', id)
        .execute();
      expect(rows.map(({ body }) => body)).toEqual([expect.stringContaining('keep')]);
    });

    it('of an item of another conversation is 404', async () => {
      const [one, other] = [
        await client.create({ items: [user('x')] }),
        await client.create({ items: [user('y')] }),
      ];
      const [item] = await listed(other.id);
      for (const method of ['GET', 'DELETE']) {
        expect((await client.send(method, `/conversations/${one.id}/items/${item?.id}`)).status).toBe(404);
      }
      expect(await listed(other.id)).toHaveLength(1);
    });
  });

  it('looks as the published document says', async () => {
    const document = (await (await fetch(`${app.tollgate.origin}/openapi.json`)).json()) as OpenApi;
    const judge = new OpenApiJudge(document);
    const { id } = await client.create({
      items: [user([{ type: 'input_image', image_url: IMAGE }]), assistant('x'), call('a'), output('a')],
    });
    const faults = async (method: 'get' | 'post', path: string, template: string, body?: unknown) => {
      const answer = await client.send(method.toUpperCase(), path, body);
      expect(answer.status).toBe(200);
      return judge.faultsOf(judge.operation(method, template), 200, 'application/json', answer.body);
    };
    const template = '/v1/conversations/{conversation_id}';
    const [item] = await listed(id);
    expect(await faults('get', `/conversations/${id}`, template)).toEqual([]);
    expect(await faults('get', '/conversations', '/v1/conversations')).toEqual([]);
    expect(await faults('post', `/conversations/${id}`, template, { title: 'x' })).toEqual([]);
    expect(await faults('get', `/conversations/${id}/items`, `${template}/items`)).toEqual([]);
    expect(
      await faults('get', `/conversations/${id}/items/${item?.id}`, `${template}/items/{item_id}`),
    ).toEqual([]);
    expect(await faults('get', `/conversations/${id}/export`, `${template}/export`)).toEqual([]);
  });
});

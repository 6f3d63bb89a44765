import { beforeAll, describe, expect, it } from '@jest/globals';
import { newConversationRowId, newRequestId } from '../../src/common/ids/ids.js';
import type { ConversationObject } from '../../src/contracts/openai/conversation.dto.js';
import { TurnRepository } from '../../src/conversations/turn.repository.js';
import { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { ConversationsClient, storeNothing, textOf } from '../support/conversations.js';
import { eventually } from '../support/eventually.js';
import { json } from '../support/fake-upstream-replies.js';
import { chatAnswer } from '../support/fake-upstream-wire.js';
import { MODEL, type Tollgate } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';

const HI = { role: 'user', content: 'hi' };
const HELLO = { role: 'assistant', content: 'hello' };

const idsOf = (entries: readonly ConversationObject[]): string[] => entries.map(({ id }) => id);

/** Stores a turn as the chat of a chatbot does, past the chat. */
function storeTurn(
  tollgate: Tollgate,
  scope: { accountId: string; chatbotId: string; clientId: string },
): Promise<boolean> {
  const turns = tollgate.app.get(TurnRepository, { strict: false });
  return inTransaction(tollgate.app.get(Database).kysely, (trx) =>
    turns.appendTurn(trx, {
      scope,
      id: newConversationRowId(),
      existed: false,
      model: scope.chatbotId,
      messages: [
        { role: 'user', content: `to ${scope.chatbotId}` },
        { role: 'assistant', content: 'hello' },
      ],
      requestId: newRequestId(Date.now()),
      atMs: Date.now(),
    }),
  );
}

describe('/v1/conversations', () => {
  const app = useWireApp();
  let client: ConversationsClient;
  let accountId: string;

  beforeAll(async () => {
    const key = await app.tollgate.newKey();
    accountId = key.accountId;
    client = new ConversationsClient(app.tollgate, key.secret);
  });

  /** Asks, and waits until the upstream has the question. */
  async function beginTurn(id: string) {
    const asked = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<void>();
    app.upstream.enqueue(async (response, request) => {
      asked.resolve();
      await answered.promise;
      await json(chatAnswer({ content: 'at last' }))(response, request);
    });
    const turn = chat(id, 'a long question');
    await asked.promise;
    return { turn, answer: answered.resolve };
  }

  const chat = (conversationId: string, content: string) =>
    app.tollgate.post(
      '/v1/chat/completions',
      { model: MODEL, conversation_id: conversationId, messages: [{ role: 'user', content }] },
      client.headers,
    );

  it("has OpenAI's fields and ours", async () => {
    const made = await client.create({ metadata: { a: 'b' }, title: 'Plans', items: [HI, HELLO, HI] });
    expect(made).toEqual({
      id: expect.stringMatching(/^conv_[0-9a-f]{32}$/),
      object: 'conversation',
      created_at: expect.closeTo(Date.now() / 1000, -2),
      metadata: { a: 'b' },
      title: 'Plans',
      chatbot: null,
      model: null,
      conversation_id: made.id,
      messages: 3,
      turns: 2,
      updated_at: made.created_at,
      summary: null,
    });
    expect(await client.get(made.id)).toEqual(made);
    const head = await app.tollgate.request('HEAD', `/v1/conversations/${made.id}`, {
      headers: client.headers,
    });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('needs no body to begin', async () => {
    for (const body of [undefined, {}, null, { items: null, metadata: null, title: null }]) {
      const { status, body: made } = await client.send('POST', '/conversations', body);
      expect([status, made]).toEqual([200, expect.objectContaining({ metadata: {}, messages: 0 })]);
    }
  });

  it('is gone on with by a plain model, turn by turn', async () => {
    const { id } = await client.create({ items: [HI, HELLO] });
    app.upstream.enqueue(json(chatAnswer({ content: 'fine' })));
    expect((await chat(id, 'and now?')).status).toBe(200);
    expect((await app.upstream.nextRequest()).body['messages']).toEqual([
      HI,
      HELLO,
      { role: 'user', content: 'and now?' },
    ]);
    expect(await client.get(id)).toMatchObject({ model: MODEL, messages: 4, turns: 2 });
  });

  it('changes what is sent and nothing else', async () => {
    const made = await client.create({ metadata: { a: 'b' }, title: 'Plans' });
    const change = async (body: object) =>
      (await client.send('POST', `/conversations/${made.id}`, body)).body;
    expect(await change({ title: 'Other' })).toEqual({ ...made, title: 'Other' });
    expect(await change({ metadata: { c: 'd' }, title: null })).toEqual({
      ...made,
      title: 'Other',
      metadata: { c: 'd' },
    });
    expect(await change({ id: 'conv_x', object: 'x', chatbot: 'bot_x' })).toMatchObject({
      id: made.id,
      chatbot: null,
      metadata: { c: 'd' },
    });
    expect(await change({ metadata: null })).toEqual({ ...made, title: 'Other', metadata: {} });
    await change({ metadata: { e: 'f' } });
    expect(await change({ metadata: {}, title: '' })).toEqual({ ...made, title: null, metadata: {} });
  });

  it.each([
    ['metadata of text', { metadata: 'x' }, 'metadata'],
    ['metadata of numbers', { metadata: { a: 1 } }, 'metadata.a'],
    ['a long key', { metadata: { ['k'.repeat(65)]: 'v' } }, `metadata.${'k'.repeat(65)}`],
    ['a long value', { metadata: { a: 'v'.repeat(513) } }, 'metadata.a'],
    [
      '17 pairs',
      { metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, 'v'])) },
      'metadata',
    ],
    ['a long title', { title: 'x'.repeat(257) }, 'title'],
    ['a title of two lines', { title: 'one\u2028two' }, 'title'],
    ['a title of two lines', { title: 'two\nlines' }, 'title'],
    ['a title of numbers', { title: 7 }, 'title'],
  ])('refuses %s', async (_what, body, param) => {
    const { id } = await client.create();
    for (const path of ['/conversations', `/conversations/${id}`]) {
      const { status, body: failure } = await client.send('POST', path, body);
      expect([status, failure['error']]).toEqual([400, expect.objectContaining({ param })]);
    }
  });

  it('erases all of it', async () => {
    const { id } = await client.create({ items: [HI, HELLO] });
    const { body } = await client.send('DELETE', `/conversations/${id}`);
    expect(body).toEqual({ id, object: 'conversation.deleted', deleted: true });
    for (const path of ['', '/items', '/export']) {
      expect((await client.send('GET', `/conversations/${id}${path}`)).status).toBe(404);
    }
    expect((await client.send('DELETE', `/conversations/${id}`)).status).toBe(404);
    const rows = await app.tollgate.app
      .get(Database)
      .kysely.selectFrom('conversation_messages')
      .selectAll()
      .where('conversation_id', '=', id)
      .execute();
    expect(rows).toEqual([]);
  });

  describe('the id that the client knows', () => {
    it('names the conversation wherever only one has it', async () => {
      const clientId = 'a chat / with "odd" signs?';
      await storeTurn(app.tollgate, { accountId, chatbotId: 'bot_1', clientId });
      const path = encodeURIComponent(clientId);
      const found = await client.get(path);
      expect(found).toMatchObject({ chatbot: 'bot_1', model: 'bot_1', conversation_id: clientId, turns: 1 });
      expect(await client.get(found.id)).toEqual(found);
      const items = await client.page(`/conversations/${path}/items`);
      expect(items.data).toHaveLength(2);
      expect((await client.send('DELETE', `/conversations/${path}`)).body['id']).toBe(found.id);
    });

    it('is a conflict where several chatbots have it, and the answer says what to do', async () => {
      await storeTurn(app.tollgate, { accountId, chatbotId: 'bot_1', clientId: 'both' });
      await storeTurn(app.tollgate, { accountId, chatbotId: 'bot_2', clientId: 'both' });
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['GET', '/items'],
        ['GET', '/export'],
      ] as const) {
        const { status, body } = await client.send(method, `/conversations/both${path}`);
        expect([status, body['error']]).toEqual([
          409,
          expect.objectContaining({ code: 'conflict', message: expect.stringContaining('conv_') }),
        ]);
      }
      const page = await client.page<ConversationObject>('/conversations', 'chatbot=bot_2');
      expect(page.data.map(({ conversation_id: clientId }) => clientId)).toEqual(['both']);
      const [item] = (await client.page(`/conversations/${page.data[0]?.id}/items`, 'order=asc')).data;
      expect(textOf(item as Parameters<typeof textOf>[0])).toBe('to bot_2');
    });
  });

  describe('the list', () => {
    it('is newest first or oldest first, in pages that miss and repeat nothing while conversations are added', async () => {
      const { secret } = await app.tollgate.newKey();
      const own = new ConversationsClient(app.tollgate, secret);
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.push((await own.create()).id);
      const newest = await own.all<ConversationObject>('/conversations', 'limit=2', () => own.create());
      // Within a millisecond, ids decide.
      expect(idsOf(newest).toSorted()).toEqual(ids.toSorted());
      expect(newest.map(({ created_at: at }) => at)).toEqual(
        newest.map(({ created_at: at }) => at).toSorted((a, b) => b - a),
      );
      const oldest = await own.all<ConversationObject>('/conversations', 'limit=2&order=asc');
      expect(idsOf(oldest.slice(0, 5))).toEqual(idsOf(newest.toReversed()));
    });

    it('is empty where nothing is, with ids of null', async () => {
      const { secret } = await app.tollgate.newKey();
      expect(await new ConversationsClient(app.tollgate, secret).page('/conversations')).toEqual({
        object: 'list',
        data: [],
        first_id: null,
        last_id: null,
        has_more: false,
      });
    });

    it.each([
      'limit=0',
      'limit=101',
      'limit=x',
      'limit=1&limit=2',
      'order=up',
      'after=conv_x',
      'chatbot=%00',
    ])('refuses %s', async (query) => {
      const { status, body } = await client.send('GET', `/conversations?${query}`);
      expect([status, body['error']]).toEqual([
        400,
        expect.objectContaining({ param: query.split('=')[0], type: 'invalid_request_error' }),
      ]);
    });
  });

  describe('who may', () => {
    it.each([
      ['GET', ''],
      ['POST', ''],
      ['DELETE', ''],
      ['GET', '/items'],
      ['POST', '/items'],
      ['GET', '/items/msg_00000000000000000000000000000001'],
      ['DELETE', '/items/msg_00000000000000000000000000000001'],
      ['GET', '/export'],
    ])('S33: %s …%s of another account is no other than one that never was', async (method, rest) => {
      const { id } = await client.create({ items: [HI, HELLO], title: 'secret' });
      await storeTurn(app.tollgate, { accountId, chatbotId: 'bot_1', clientId: `theirs ${method} ${rest}` });
      const stranger = new ConversationsClient(app.tollgate, (await app.tollgate.newKey()).secret);
      const body = method === 'POST' ? { title: 'mine', items: [HI] } : undefined;
      const theirs = [id, encodeURIComponent(`theirs ${method} ${rest}`)];
      const answers = [];
      for (const each of [...theirs, newConversationRowId()]) {
        answers.push(await stranger.send(method, `/conversations/${each}${rest}`, body));
      }
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404]);
      expect(answers[0]?.body).toEqual(answers[2]?.body);
      expect(answers[1]?.body).toEqual(answers[2]?.body);
      expect(await client.get(id)).toMatchObject({ title: 'secret', messages: 2 });
    });

    it('S33: lists of another account hold nothing of ours, and our ids are no cursors in them', async () => {
      const { id } = await client.create();
      const stranger = new ConversationsClient(app.tollgate, (await app.tollgate.newKey()).secret);
      expect((await stranger.page('/conversations')).data).toEqual([]);
      const theirs = await stranger.send('GET', `/conversations?after=${id}`);
      const nobodys = await stranger.send('GET', `/conversations?after=${newConversationRowId()}`);
      expect([theirs.status, theirs.body]).toEqual([400, nobodys.body]);
    });

    it('any key of the account, unless it was made without the right', async () => {
      const { id } = await client.create();
      const second = await app.tollgate.newKey({ accountId });
      expect(await new ConversationsClient(app.tollgate, second.secret).get(id)).toMatchObject({ id });
      const { secret } = await app.tollgate.newKey({ accountId, readConversations: false });
      const barred = new ConversationsClient(app.tollgate, secret);
      for (const [method, path] of [
        ['POST', '/conversations'],
        ['GET', '/conversations'],
        ['GET', `/conversations/${id}`],
        ['DELETE', `/conversations/${id}`],
        ['GET', `/conversations/${id}/export`],
        ['POST', `/conversations/${id}/items`],
        ['GET', '/chat/completions'],
        ['GET', '/chat/completions/chatcmpl-1'],
        ['DELETE', '/chat/completions/chatcmpl-1'],
      ] as const) {
        const { status, body } = await barred.send(method, path, method === 'POST' ? {} : undefined);
        expect([method, path, status, body['error']]).toEqual([
          method,
          path,
          403,
          expect.objectContaining({ message: expect.stringContaining('`read_conversations`') }),
        ]);
      }
      expect(await client.get(id)).toMatchObject({ id });
    });

    it('nobody without a key', async () => {
      const response = await app.tollgate.get('/v1/conversations', { authorization: undefined });
      expect(response.status).toBe(401);
    });

    it('an account that stores nothing begins no conversation, and adds and changes nothing of one', async () => {
      const { secret, accountId: forgetful } = await app.tollgate.newKey();
      const kept = await new ConversationsClient(app.tollgate, secret).create({ items: [HI], title: 'Old' });
      await storeNothing(app.tollgate, forgetful);
      const key = await app.tollgate.newKey({ accountId: forgetful });
      const own = new ConversationsClient(app.tollgate, key.secret);
      for (const [path, sent] of [
        ['', { items: [HI] }],
        [`/${kept.id}/items`, { items: [HI] }],
        [`/${kept.id}`, { title: 'New' }],
        [`/${kept.id}`, { metadata: { a: 'b' } }],
      ] as const) {
        const { status, body } = await own.send('POST', `/conversations${path}`, sent);
        expect([status, body['error']]).toEqual([
          403,
          expect.objectContaining({ message: expect.stringContaining('stores nothing') }),
        ]);
      }
      expect(await own.get(kept.id)).toEqual(kept);
      expect((await own.send('DELETE', `/conversations/${kept.id}`)).status).toBe(200);
    });
  });

  describe('odd ids', () => {
    it.each([
      ['a prefix alone', 'conv_'],
      ['a new line', 'conv_%0d%0aset-cookie:%20a=b'],
      ['NUL', '%00'],
      ['NUL at the end', 'conv_%00'],
      ['a path', '..%2f..%2fetc%2fpasswd'],
      ['SQL', "'%20or%201=1--"],
      ['an emoji', '%F0%9F%92%A9'],
      ['__proto__', '__proto__'],
      ['constructor', 'constructor'],
      ['257 characters', 'x'.repeat(257)],
      ['8,000 characters', 'y'.repeat(8_000)],
      ['brackets', '%5B%5D'],
      ['an asterisk', '*'],
      ['a per cent sign', '%25'],
    ])('%s is the id of nothing', async (_what, odd) => {
      for (const path of [odd, `${odd}/items`, `${odd}/export`, `${odd}/items/${odd}`]) {
        expect((await client.send('GET', `/conversations/${path}`)).status).toBe(404);
      }
      expect((await client.send('DELETE', `/conversations/${odd}`)).status).toBe(404);
      const { id } = await client.create({ items: [HI] });
      for (const method of ['GET', 'DELETE']) {
        expect((await client.send(method, `/conversations/${id}/items/${odd}`)).status).toBe(404);
      }
      expect((await client.send('GET', `/conversations/${id}/items?after=${odd}`)).status).toBe(400);
    });

    it('what cannot be decoded is 400', async () => {
      expect((await client.send('GET', '/conversations/%zz')).status).toBe(400);
    });

    it('a megabyte of an id is refused before anything reads it', async () => {
      const response = await app.tollgate.get(`/v1/conversations/${'z'.repeat(1_000_000)}`, client.headers);
      expect(response.status).toBe(431);
    });
  });

  describe('while a turn is going on', () => {
    it('items are neither added nor erased, and both go when it has ended', async () => {
      const { id } = await client.create({ items: [HI, HELLO] });
      const [item] = (await client.page<{ id: string }>(`/conversations/${id}/items`)).data;
      const { turn, answer } = await beginTurn(id);
      const add = () => client.send('POST', `/conversations/${id}/items`, { items: [HI] });
      const erase = () => client.send('DELETE', `/conversations/${id}/items/${item?.id}`);
      for (const { status, body } of [await add(), await erase()]) {
        expect([status, body['error']]).toEqual([
          409,
          expect.objectContaining({ code: 'conversation_busy' }),
        ]);
      }
      expect(await client.get(id)).toMatchObject({ messages: 2 });
      answer();
      expect((await turn).status).toBe(200);
      expect((await add()).status).toBe(200);
      expect((await erase()).status).toBe(200);
      expect(await client.get(id)).toMatchObject({ messages: 4 });
    });

    it('another conversation can be changed, and this one renamed', async () => {
      const [busy, other] = [await client.create(), await client.create()];
      const { turn, answer } = await beginTurn(busy.id);
      await client.add(other.id, [HI]);
      expect((await client.send('POST', `/conversations/${busy.id}`, { title: 'On the way' })).status).toBe(
        200,
      );
      answer();
      await turn;
      expect(await client.get(busy.id)).toMatchObject({ title: 'On the way', messages: 2 });
    });

    it('the conversation can be erased: the turn is answered, and nothing of it is stored', async () => {
      const { id } = await client.create({ items: [HI, HELLO] });
      const { turn, answer } = await beginTurn(id);
      expect((await client.send('DELETE', `/conversations/${id}`)).status).toBe(200);
      answer();
      const response = await turn;
      expect(response.status).toBe(200);
      expect(await response.text()).toContain('at last');
      await eventually(async () => (await app.tollgate.usageOf(response)) !== undefined, 'the charge');
      expect((await client.send('GET', `/conversations/${id}`)).status).toBe(404);
    });
  });
});

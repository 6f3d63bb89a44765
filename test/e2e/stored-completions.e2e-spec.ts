import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { newChatCompletionId } from '../../src/common/ids/ids.js';
import type {
  StoredCompletionObject,
  StoredMessageObject,
} from '../../src/contracts/openai/stored-completion.dto.js';
import { Database } from '../../src/persistence/database.js';
import { newChatbot } from '../support/chatbots.js';
import { ConversationsClient, storeNothing } from '../support/conversations.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { OpenApiJudge, type OpenApi } from '../support/openapi-document.js';
import { MODEL } from '../support/tollgate.js';
import { useWireApp } from '../support/wire-app.js';

const HI = { role: 'user', content: 'hi' };
const logprob = (token: string) => ({ token, logprob: -1, bytes: null, top_logprobs: [] });
const IMAGE = { type: 'image_url', image_url: { url: 'https://example.org/a.png' } };

const idsOf = (entries: readonly { readonly id: string }[]): string[] => entries.map(({ id }) => id);

/** What a message that thought is shown with besides. */
function thoughts({ reasoning_content: reasoning }: { reasoning_content?: string }) {
  return reasoning === undefined ? {} : { reasoning };
}

describe('stored chat completions', () => {
  const app = useWireApp();
  let client: ConversationsClient;
  let accountId: string;

  beforeEach(async () => {
    const key = await app.tollgate.newKey();
    ({ accountId } = key);
    client = new ConversationsClient(app.tollgate, key.secret);
  });
  afterEach(() => app.upstream.clear());

  const ask = (over: object = {}, path = '/v1', headers = client.headers) =>
    app.tollgate.post(
      `${path}/chat/completions`,
      { model: MODEL, store: true, messages: [HI], ...over },
      headers,
    );

  async function stored(over: object = {}): Promise<StoredCompletionObject> {
    return (await (await ask(over)).json()) as StoredCompletionObject;
  }

  const all = (query: string, between?: () => Promise<unknown>) =>
    client.all<StoredCompletionObject>('/chat/completions', query, between);
  const list = (query = '') => client.page<StoredCompletionObject>('/chat/completions', query);

  describe('one', () => {
    it('is the answer as it was given, with its metadata and request', async () => {
      const response = await ask({ metadata: { topic: 'demo' } });
      const answer = (await response.json()) as StoredCompletionObject;
      const { status, body } = await client.send('GET', `/chat/completions/${answer.id}`);
      expect([status, body]).toEqual([
        200,
        { ...answer, metadata: { topic: 'demo' }, request_id: response.headers.get('x-request-id') },
      ]);
      expect(body).toMatchObject({
        object: 'chat.completion',
        model: MODEL,
        conversation_id: expect.any(String),
      });
    });

    it('keeps its logprobs, but for an answer that they make longer than 8 MiB', async () => {
      for (const length of [3, 9_000_000]) {
        const answer = chatAnswer() as { choices: object[] };
        const logprobs = { content: [logprob('x'.repeat(length))], refusal: null };
        const choices = answer.choices.map((choice) => ({ ...choice, logprobs }));
        app.upstream.enqueue(json({ ...answer, choices }));
        const given = await stored({ logprobs: true });
        expect(given).toMatchObject({ choices: [{ logprobs }] });
        const { body } = await client.send('GET', `/chat/completions/${given.id}`);
        expect(body).toMatchObject({ choices: [{ logprobs: length === 3 ? logprobs : null }] });
      }
    });

    it.each(['/v1', '/api/v1', '/api/public/v1/openai'])(
      'is stored from %s, streamed or not',
      async (path) => {
        app.upstream.enqueue(json(chatAnswer({ content: 'whole' })), sse(chatChunks('in pieces')));
        const whole = (await (await ask({}, path)).json()) as StoredCompletionObject;
        const frames = await (await ask({ stream: true }, path)).text();
        const streamedId = /"id":"(chatcmpl-[0-9a-f]+)"/.exec(frames)?.[1] ?? '';
        for (const [id, content] of [
          [whole.id, 'whole'],
          [streamedId, 'in pieces'],
        ] as const) {
          const { body } = await client.send('GET', `/chat/completions/${id}`);
          expect(body).toMatchObject({
            id,
            object: 'chat.completion',
            choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
            usage: { total_tokens: expect.any(Number) },
            metadata: {},
          });
        }
      },
    );

    it.each([[{ store: false }], [{ store: null }], [{ store: undefined }]])(
      'is not kept for %j',
      async (over) => {
        const { id } = await stored(over);
        expect((await client.send('GET', `/chat/completions/${id}`)).status).toBe(404);
        expect((await list()).data).toEqual([]);
      },
    );

    it('is not kept where the answer broke off, nor where the account stores nothing', async () => {
      app.upstream.enqueue(sse(chatChunks('half'), { ending: 'reset', done: false }));
      await (await ask({ stream: true })).text().catch(() => undefined);
      expect((await list()).data).toEqual([]);
      await storeNothing(app.tollgate, accountId);
      const { secret } = await app.tollgate.newKey({ accountId });
      const headers = { authorization: `Bearer ${secret}` };
      expect((await ask({}, '/v1', headers)).status).toBe(200);
      expect((await list()).data).toEqual([]);
    });

    it('keeps its metadata where the account stores nothing any more', async () => {
      const { id } = await stored({ metadata: { a: 'b' } });
      await storeNothing(app.tollgate, accountId);
      const own = new ConversationsClient(app.tollgate, (await app.tollgate.newKey({ accountId })).secret);
      const { status, body } = await own.send('POST', `/chat/completions/${id}`, { metadata: { c: 'd' } });
      expect([status, body['error']]).toEqual([
        403,
        expect.objectContaining({ message: expect.stringContaining('stores nothing') }),
      ]);
      expect((await own.send('GET', `/chat/completions/${id}`)).body['metadata']).toEqual({ a: 'b' });
      expect((await own.send('DELETE', `/chat/completions/${id}`)).status).toBe(200);
    });

    it("is a chatbot's, under the name that was asked for", async () => {
      const bot = await newChatbot(app.tollgate, { systemPrompt: 'SECRET PROMPT' }, { accountId });
      const { id } = await stored({ model: bot });
      const { body } = await client.send('GET', `/chat/completions/${id}`);
      expect(body).toMatchObject({ model: bot });
      const messages = await client.page(`/chat/completions/${id}/messages`);
      expect(JSON.stringify([body, messages, await list(`model=${bot}`)])).not.toContain('SECRET');
      expect((await list(`model=${bot}`)).data).toHaveLength(1);
    });

    it('changes its metadata and nothing else', async () => {
      const { id } = await stored({ metadata: { a: 'b' } });
      const before = (await client.send('GET', `/chat/completions/${id}`)).body;
      const change = (body: object) => client.send('POST', `/chat/completions/${id}`, body);
      expect((await change({ metadata: { c: 'd' }, model: 'x', choices: [] })).body).toEqual({
        ...before,
        metadata: { c: 'd' },
      });
      expect((await change({})).body['metadata']).toEqual({ c: 'd' });
      expect((await change({ metadata: null })).body['metadata']).toEqual({});
      await change({ metadata: { e: 'f' } });
      expect((await change({ metadata: {} })).body['metadata']).toEqual({});
      const { status, body } = await change({ metadata: { a: 1 } });
      expect([status, body['error']]).toEqual([400, expect.objectContaining({ param: 'metadata.a' })]);
      expect((await client.send('GET', `/chat/completions/${id}`)).body).toEqual({ ...before, metadata: {} });
    });

    it('is erased with what was asked', async () => {
      const { id } = await stored();
      expect((await client.send('DELETE', `/chat/completions/${id}`)).body).toEqual({
        object: 'chat.completion.deleted',
        id,
        deleted: true,
      });
      for (const path of ['', '/messages']) {
        expect((await client.send('GET', `/chat/completions/${id}${path}`)).status).toBe(404);
      }
      expect((await client.send('DELETE', `/chat/completions/${id}`)).status).toBe(404);
      const rows = await app.tollgate.app
        .get(Database)
        .kysely.selectFrom('conversation_messages')
        .selectAll()
        .where('conversation_id', '=', id)
        .execute();
      expect(rows).toEqual([]);
    });
  });

  describe('the list', () => {
    it('is oldest first or newest first, in pages that miss and repeat nothing while more are stored', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1) ids.push((await stored()).id);
      expect(idsOf(await all('limit=2&order=desc', () => stored()))).toEqual(ids.toReversed());
      expect(idsOf(await all('limit=2')).slice(0, 5)).toEqual(ids);
      const page = await list('limit=2');
      expect(page).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[1], has_more: true });
    });

    it('has those of a model, with all of the given metadata', async () => {
      const bot = await newChatbot(app.tollgate, {}, { accountId });
      const red = (await stored({ metadata: { colour: 'red', size: 'a & b=c' } })).id;
      const blue = (await stored({ metadata: { colour: 'blue' } })).id;
      const bots = (await stored({ model: bot, metadata: { colour: 'red' } })).id;
      const found = async (query: string) => idsOf((await list(query)).data);
      expect(await found('')).toEqual([red, blue, bots]);
      expect(await found('metadata[colour]=red')).toEqual([red, bots]);
      expect(await found(`metadata%5Bcolour%5D=red&model=${encodeURIComponent(MODEL)}`)).toEqual([red]);
      expect(await found(`metadata[colour]=red&metadata[size]=${encodeURIComponent('a & b=c')}`)).toEqual([
        red,
      ]);
      expect(await found('metadata[colour]=red&metadata[size]=b')).toEqual([]);
      expect(await found('metadata[toString]=x')).toEqual([]);
      expect(await found('metadata[__proto__]=x')).toEqual([]);
      expect(await found('model=none')).toEqual([]);
      expect(idsOf(await all('metadata[colour]=red&limit=1'))).toEqual([red, bots]);
    });

    it.each([
      ['limit=0', 'limit'],
      ['order=newest', 'order'],
      ['model=', 'model'],
      ['after=chatcmpl-1', 'after'],
      ['after=%00', 'after'],
      [`after=conv_${'0'.repeat(32)}`, 'after'],
      ['metadata[a]=1&metadata[a]=2', 'metadata.a'],
      [`metadata[${'k'.repeat(65)}]=1`, `metadata.${'k'.repeat(65)}`],
    ])('refuses %s', async (query, param) => {
      const { status, body } = await client.send('GET', `/chat/completions?${query}`);
      expect([status, body['error']]).toEqual([400, expect.objectContaining({ param })]);
    });

    it.each([
      'metadata=1',
      'metadata={"colour":"red"}',
      'metadata=colour&metadata=red',
      'metadata[colour=red',
      'metadata.colour=red',
      'metadata[colour]=red&metadata=red',
    ])('refuses %s, which is no pair to look for, rather than list everything', async (query) => {
      await stored();
      const { status, body } = await client.send('GET', `/chat/completions?${encodeURI(query)}`);
      expect([status, body['error']]).toEqual([
        400,
        expect.objectContaining({ type: 'invalid_request_error', code: 'invalid_type', param: 'metadata' }),
      ]);
    });

    it('answers HEAD', async () => {
      const head = await app.tollgate.request('HEAD', '/v1/chat/completions', { headers: client.headers });
      expect([head.status, await head.text()]).toEqual([200, '']);
    });
  });

  describe('the messages', () => {
    const CALL = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };

    it('are what was asked, instructions included, with the fields that they came with', async () => {
      const { id } = await stored({
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', name: 'ann', content: [{ type: 'text', text: 'look' }, IMAGE] },
          { role: 'assistant', content: null, tool_calls: [CALL] },
          { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
        ],
      });
      expect(await client.page(`/chat/completions/${id}/messages`)).toEqual({
        object: 'list',
        data: [
          {
            id: `${id}-0`,
            role: 'system',
            content: 'Be brief.',
            content_parts: null,
            name: null,
            refusal: null,
          },
          {
            id: `${id}-1`,
            role: 'user',
            content: null,
            content_parts: [{ type: 'text', text: 'look' }, IMAGE],
            name: 'ann',
            refusal: null,
          },
          {
            id: `${id}-2`,
            role: 'assistant',
            content: null,
            content_parts: null,
            name: null,
            refusal: null,
            tool_calls: [CALL],
          },
          {
            id: `${id}-3`,
            role: 'tool',
            content: 'seen',
            content_parts: null,
            name: null,
            refusal: null,
            tool_call_id: 'call_1',
          },
        ],
        first_id: `${id}-0`,
        last_id: `${id}-3`,
        has_more: false,
      });
    });

    it('of an assistant have its older calls, audio and reasoning', async () => {
      const sent = [
        HI,
        {
          role: 'assistant',
          content: null,
          reasoning_content: 'They greet.',
          function_call: { name: 'look', arguments: '{"at":1}' },
        },
        { role: 'function', name: 'look', content: 'seen' },
        { role: 'assistant', content: null, audio: { id: 'audio_1' } },
        { role: 'assistant', content: 'seen', reasoning_content: '' },
        HI,
      ];
      const { id } = await stored({ messages: sent });
      const { data } = await client.page<StoredMessageObject>(`/chat/completions/${id}/messages`);
      const empty = { content_parts: null, name: null, refusal: null };
      expect(data).toEqual(
        sent.map((message, index) => ({
          id: `${id}-${index}`,
          ...empty,
          ...message,
          ...thoughts(message as object),
        })),
      );
    });

    it('come in pages, in either order', async () => {
      const messages = ['1', '2', '3', '4', '5'].map((content) => ({ role: 'user', content }));
      const { id } = await stored({ messages });
      const texts = async (query: string) =>
        (await client.all<StoredMessageObject>(`/chat/completions/${id}/messages`, query)).map(
          ({ content }) => content,
        );
      expect(await texts('limit=2')).toEqual(['1', '2', '3', '4', '5']);
      expect(await texts('limit=2&order=desc')).toEqual(['5', '4', '3', '2', '1']);
      for (const after of ['x', `${id}`, `${id}-x`, `${id}-9999999999`, 'chatcmpl-1-0']) {
        const { status, body } = await client.send('GET', `/chat/completions/${id}/messages?after=${after}`);
        expect([status, body['error']]).toEqual([400, expect.objectContaining({ param: 'after' })]);
      }
    });
  });

  it.each([
    ['GET', ''],
    ['POST', ''],
    ['DELETE', ''],
    ['GET', '/messages'],
  ])('S33: %s …%s of another account is no other than one that never was', async (method, rest) => {
    const { id } = await stored();
    const stranger = new ConversationsClient(app.tollgate, (await app.tollgate.newKey()).secret);
    const body = method === 'POST' ? { metadata: { a: 'b' } } : undefined;
    const theirs = await stranger.send(method, `/chat/completions/${id}${rest}`, body);
    const nobodys = await stranger.send(method, `/chat/completions/${newChatCompletionId()}${rest}`, body);
    expect([theirs.status, theirs.body]).toEqual([404, nobodys.body]);
    expect((await stranger.page('/chat/completions')).data).toEqual([]);
    const after = await stranger.send('GET', `/chat/completions?after=${id}`);
    const afterNobodys = await stranger.send('GET', `/chat/completions?after=${newChatCompletionId()}`);
    expect([after.status, after.body]).toEqual([400, afterNobodys.body]);
    expect((await client.send('GET', `/chat/completions/${id}`)).body).toMatchObject({ id, metadata: {} });
  });

  it.each([
    'x',
    'chatcmpl-',
    'chatcmpl-%00',
    'chatcmpl-%0d%0a',
    `chatcmpl-${'a'.repeat(300)}`,
    '%F0%9F%92%A9',
  ])('%s is the id of nothing', async (odd) => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', ''],
      ['GET', '/messages'],
    ] as const) {
      const body = method === 'POST' ? { metadata: { a: 'b' } } : undefined;
      expect((await client.send(method, `/chat/completions/${odd}${path}`, body)).status).toBe(404);
    }
  });

  it('and the conversation of its turn are erased each by its own DELETE', async () => {
    for (const gone of ['conversation', 'completion'] as const) {
      const conversation = await client.create();
      const completion = await stored({ conversation_id: conversation.id });
      const paths = {
        conversation: `/conversations/${conversation.id}`,
        completion: `/chat/completions/${completion.id}`,
      };
      expect((await client.send('DELETE', paths[gone])).status).toBe(200);
      for (const [what, path] of Object.entries(paths)) {
        expect([what, (await client.send('GET', path)).status]).toEqual([what, what === gone ? 404 : 200]);
      }
    }
  });

  it('is no conversation, and a conversation is none of them', async () => {
    const { id } = await stored();
    for (const path of ['', '/items', '/export']) {
      expect((await client.send('GET', `/conversations/${id}${path}`)).status).toBe(404);
    }
    expect((await client.page('/conversations')).data).toEqual([]);
    const conversation = await client.create();
    expect((await client.send('GET', `/chat/completions/${conversation.id}`)).status).toBe(404);
    expect(idsOf((await list()).data)).toEqual([id]);
  });

  it('looks as the published document says', async () => {
    const document = (await (await fetch(`${app.tollgate.origin}/openapi.json`)).json()) as OpenApi;
    const judge = new OpenApiJudge(document);
    const assistant = {
      role: 'assistant',
      content: null,
      audio: { id: 'audio_1' },
      function_call: { name: 'look', arguments: '{}' },
      reasoning_content: 'hm',
    };
    const { id } = await stored({ messages: [HI, assistant, { role: 'user', content: [IMAGE] }] });
    for (const [path, template] of [
      ['/chat/completions', '/v1/chat/completions'],
      [`/chat/completions/${id}`, '/v1/chat/completions/{completion_id}'],
      [`/chat/completions/${id}/messages`, '/v1/chat/completions/{completion_id}/messages'],
    ] as const) {
      const { body } = await client.send('GET', path);
      expect(judge.faultsOf(judge.operation('get', template), 200, 'application/json', body)).toEqual([]);
    }
  });
});

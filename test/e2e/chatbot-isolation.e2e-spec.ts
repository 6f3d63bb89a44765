import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { askChat, type Answered, type Asking } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { failure } from '../support/fake-upstream-replies.js';
import { storeNothing } from '../support/conversations.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { MODEL, Tollgate } from '../support/tollgate.js';
import { SURFACES } from '../support/wire-surfaces.js';

const user = (content: string) => ({ role: 'user', content });
const ANSWER = { role: 'assistant', content: 'Hello there!' };
const PROMPT = { role: 'system', content: 'You are Bot.' };
const NOBODYS = '0'.repeat(32);

type Key = Awaited<ReturnType<Tollgate['newKey']>>;

describe.each([false, true])('what is kept apart (stream: %s)', (stream) => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let mine: Key;
  let theirs: Key;
  let myBot: string;
  let theirBot: string;
  let serial = 0;
  const newId = () => `c-${stream}-${(serial += 1)}`;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    mine = await tollgate.newKey();
    theirs = await tollgate.newKey();
    myBot = await newChatbot(tollgate, {}, { accountId: mine.accountId });
    theirBot = await newChatbot(tollgate, {}, { accountId: theirs.accountId });
  });
  afterEach(() => upstream.clear());
  afterAll(async () => {
    const broken = await brokenInvariantsOf(tollgate);
    await tollgate.close();
    await upstream.close();
    if (broken.length > 0) throw new Error(broken.join('\n'));
  });

  const ask = (body: Record<string, unknown>, asking: Asking = {}): Promise<Answered> =>
    askChat(tollgate, { model: myBot, stream, ...body }, { key: mine.secret, ...asking });
  const statusOf = async (model: string, { secret }: Key) => {
    const { status, error } = await ask({ model, messages: [user('hi')] }, { key: secret });
    return status === 200 ? 200 : `${status} ${error.code}`;
  };
  const talk = async (conversation_id: string | undefined, text: string, idempotencyKey: string) =>
    ask({ conversation_id, messages: [user(text)] }, { idempotencyKey });
  const sent = () => upstream.requests.at(-1)?.body['messages'];
  const db = () => tollgate.app.get(Database).kysely;
  const keyOf = (key: Key) => ({ authorization: `Bearer ${key.secret}` });
  const conversationOf = async ({ requestId }: Answered) =>
    (await tollgate.usageOf(requestId))?.context?.conversation?.id ?? '';
  const stored = async (key: Key, kind: 'conversation' | 'completion' = 'conversation') =>
    db()
      .selectFrom('conversations')
      .select(['id', 'message_count', 'turn_count'])
      .where('account_id', '=', key.accountId)
      .where('kind', '=', kind)
      .execute();
  const messagesOf = async (conversationId: string) =>
    db()
      .selectFrom('conversation_messages')
      .select('id')
      .where('conversation_id', '=', conversationId)
      .execute();

  describe('a chatbot', () => {
    it.each(SURFACES)(
      'of another account, in no published version, or of nobody is the same 404 on $base',
      async ({ base }) => {
        const unpublished = { publishedVersion: undefined };
        const ids = [
          `bot_${NOBODYS}`,
          theirBot,
          await newChatbot(tollgate, {}, { accountId: theirs.accountId, ...unpublished }),
          await newChatbot(tollgate, {}, { accountId: theirs.accountId, keyIds: [mine.id] }),
          await newChatbot(tollgate, {}, { accountId: mine.accountId, ...unpublished }),
          `${theirBot}@1`,
          `${theirBot}@draft`,
          `${myBot}@1`,
          `${myBot}@draft`,
          'no/such-model',
        ];
        const seen = [];
        for (const model of ids) {
          const { status, text, headers } = await ask(
            { model, conversation_id: 'x', messages: [user('hi')] },
            { base },
          );
          expect(text).toContain(model);
          const body = text.replaceAll(model, 'the model');
          seen.push({ status, body, headers: [...headers.keys()], reason: headers.get('content-type') });
        }
        expect(seen[0]).toMatchObject({ status: 404, body: expect.stringContaining('model_not_found') });
        for (const each of seen) expect(each).toEqual(seen[0]);
        expect(upstream.requests).toHaveLength(0);
      },
    );

    it('is for the keys that it names, and for keys that may use it by its own id', async () => {
      const { accountId } = mine;
      const chosen = await tollgate.newKey({ accountId });
      const closed = await newChatbot(tollgate, {}, { accountId, keyIds: [chosen.id] });
      const nobodys = await newChatbot(tollgate, {}, { accountId, keyIds: [] });
      const byBase = await tollgate.newKey({ accountId, allowedModels: [MODEL] });
      const byBot = await tollgate.newKey({ accountId, allowedModels: [myBot] });
      expect({
        'named by it': await statusOf(closed, chosen),
        'not named by it': await statusOf(closed, mine),
        'of a chatbot for nobody': await statusOf(nobodys, chosen),
        'for the model behind it': await statusOf(myBot, byBase),
        'for the chatbot': await statusOf(myBot, byBot),
        'for the chatbot, to the model behind it': await statusOf(MODEL, byBot),
      }).toEqual({
        'named by it': 200,
        'not named by it': '403 model_not_allowed',
        'of a chatbot for nobody': '403 model_not_allowed',
        'for the model behind it': '403 model_not_allowed',
        'for the chatbot': 200,
        'for the chatbot, to the model behind it': '403 model_not_allowed',
      });
    });
  });

  describe('a conversation', () => {
    it('shares nothing with one of the same id at another account or another chatbot', async () => {
      const conversation_id = newId();
      const places: [string, Key][] = [
        [myBot, mine],
        [await newChatbot(tollgate, {}, { accountId: mine.accountId }), mine],
        [theirBot, theirs],
        [await newChatbot(tollgate, {}, { accountId: theirs.accountId }), theirs],
      ];
      for (const [model, { secret }] of places) {
        await ask({ model, conversation_id, messages: [user(`I am at ${model}.`)] }, { key: secret });
        expect(sent()).toEqual([PROMPT, user(`I am at ${model}.`)]);
      }
      for (const [model, { secret }] of places) {
        await ask({ model, conversation_id, messages: [user('Where am I?')] }, { key: secret });
        expect(sent()).toEqual([PROMPT, user(`I am at ${model}.`), ANSWER, user('Where am I?')]);
      }
    });

    it('does not wait for one of the same id at another account', async () => {
      const conversation_id = newId();
      const live = new HeldAnswer(stream);
      upstream.enqueue(live.reply);
      const first = ask({ conversation_id, messages: [user('slow')] });
      await live.asked();
      const other = { model: theirBot, conversation_id, messages: [user('quick')] };
      expect((await ask(other, { key: theirs.secret })).status).toBe(200);
      await live.end();
      expect((await first).status).toBe(200);
    });

    it('of a plain model keeps nothing under an id of the client’s', async () => {
      const conversation_id = newId();
      for (const text of ['one', 'two']) {
        const { conversationId } = await ask({ model: MODEL, conversation_id, messages: [user(text)] });
        expect(conversationId).toBe(conversation_id);
        expect(sent()).toEqual([user(text)]);
      }
    });

    it('of another account is unknown by the id that it has with us, to models and to every route', async () => {
      const theirFirst = await ask(
        { model: theirBot, conversation_id: newId(), messages: [user('mine alone')] },
        { key: theirs.secret },
      );
      const theirConversation = await conversationOf(theirFirst);
      expect(theirConversation).toMatch(/^conv_[0-9a-f]{32}$/);
      const made = await tollgate.request('POST', '/v1/conversations', {
        body: '{}',
        headers: { ...keyOf(theirs), 'content-type': 'application/json' },
      });
      const { id: theirPlain } = (await made.json()) as { id: string };
      const ids = [`conv_${NOBODYS}`, theirConversation, theirPlain];

      for (const model of [MODEL, myBot]) {
        const answers = [];
        for (const conversation_id of ids) {
          const { status, text } = await ask({ model, conversation_id, messages: [user('hi')] });
          answers.push({ status, text });
        }
        expect(answers[0]).toMatchObject({ status: 404, text: expect.stringContaining('not_found') });
        for (const answer of answers) expect(answer).toEqual(answers[0]);
      }
      for (const [method, path] of [
        ['GET', ''],
        ['POST', ''],
        ['DELETE', ''],
        ['GET', '/items'],
        ['GET', '/export'],
      ] as const) {
        const answers = [];
        for (const id of ids) {
          const response = await tollgate.request(method, `/v1/conversations/${id}${path}`, {
            ...(method === 'POST' ? { body: '{"metadata":{}}' } : {}),
            headers: { ...keyOf(mine), 'content-type': 'application/json' },
          });
          answers.push({ status: response.status, text: await response.text() });
        }
        expect(answers[0]?.status).toBe(404);
        for (const answer of answers) expect(answer).toEqual(answers[0]);
      }
      expect(upstream.requests).toHaveLength(1);
      const still = await tollgate.get(`/v1/conversations/${theirConversation}`, keyOf(theirs));
      expect(await still.json()).toMatchObject({ messages: 2 });
    });
  });

  describe('an account that keeps nothing', () => {
    it('has its answers without memory and without a row of anybody’s words', async () => {
      const quiet = await tollgate.newKey();
      await storeNothing(tollgate, quiet.accountId);
      const model = await newChatbot(tollgate, {}, { accountId: quiet.accountId });
      const asking = { key: quiet.secret };
      for (const text of ['one', 'two']) {
        const answer = await ask(
          { model, conversation_id: 'quiet', store: true, messages: [user(text)] },
          { ...asking, idempotencyKey: `quiet-${stream}-${text}` },
        );
        expect(answer).toMatchObject({ status: 200, conversationId: 'quiet', said: 'Hello there!' });
        expect(answer.headers.get('x-conversation-id')).toBe('quiet');
        expect(sent()).toEqual([PROMPT, user(text)]);
      }
      await ask({ model: MODEL, store: true, messages: [user('three')] }, asking);
      expect(await stored(quiet)).toEqual([]);
      expect(await stored(quiet, 'completion')).toEqual([]);
      const own = { model, conversation_id: `conv_${NOBODYS}`, messages: [user('hi')] };
      const refused = await ask(own, asking);
      expect([refused.status, refused.error.message]).toEqual([
        403,
        expect.stringContaining('stores nothing'),
      ]);
    });
  });

  describe('a conversation that is deleted while a turn of it is running', () => {
    it('stays deleted; the turn is answered and charged', async () => {
      const conversation_id = newId();
      const first = await ask({ conversation_id, messages: [user('one')] });
      const id = await conversationOf(first);
      const live = new HeldAnswer(stream);
      upstream.enqueue(live.reply);
      const turn = ask({ conversation_id, messages: [user('two')] });
      await live.asked();
      const erased = await tollgate.request('DELETE', `/v1/conversations/${id}`, { headers: keyOf(mine) });
      expect(await erased.json()).toMatchObject({ id, deleted: true });
      await live.end();
      const answer = await turn;
      expect(answer).toMatchObject({ status: 200, said: 'Hello there!' });
      expect((await tollgate.usageOf(answer.requestId))?.creditHundredths).toBeGreaterThan(0n);

      expect((await tollgate.get(`/v1/conversations/${id}`, keyOf(mine))).status).toBe(404);
      expect(await messagesOf(id)).toEqual([]);
      const next = await ask({ conversation_id, messages: [user('three')] });
      expect(sent()).toEqual([PROMPT, user('three')]);
      expect(await conversationOf(next)).not.toBe(id);
    });
  });

  describe('an Idempotency-Key', () => {
    it('replays a turn, which is stored once', async () => {
      const conversation_id = newId();
      await talk(conversation_id, 'one', `${conversation_id}-a`);
      const first = await talk(conversation_id, 'two', `${conversation_id}-b`);
      const again = await talk(conversation_id, 'two', `${conversation_id}-b`);
      expect(again.text).toBe(first.text);
      expect(again.headers.get('idempotent-replayed')).toBe('true');
      expect(again.headers.get('x-conversation-id')).toBe(conversation_id);
      expect(upstream.requests).toHaveLength(2);
      await talk(conversation_id, 'three', `${conversation_id}-c`);
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two'), ANSWER, user('three')]);
    });

    it('replays a conversation that began with it under one id', async () => {
      const key = `begins-${stream}`;
      const first = await talk(undefined, 'one', key);
      const again = await talk(undefined, 'one', key);
      expect(again.conversationId).toBe(first.conversationId);
      expect(again.headers.get('x-conversation-id')).toBe(first.conversationId);
      await ask({ conversation_id: first.conversationId, messages: [user('two')] });
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
    });

    it('is one turn while the first is still running, whoever else waits for the conversation', async () => {
      const conversation_id = newId();
      const live = new HeldAnswer(stream);
      upstream.enqueue(live.reply);
      const key = `${conversation_id}-running`;
      const first = talk(conversation_id, 'one', key);
      await live.asked();
      const others = [1, 2, 3].map(() => talk(conversation_id, 'one', key));
      const next = talk(conversation_id, 'two', `${conversation_id}-next`);
      await live.end();
      const { text } = await first;
      for (const other of await Promise.all(others)) expect(other.text).toBe(text);
      await next;
      expect(upstream.requests).toHaveLength(2);
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
    });

    it('of a turn that failed executes again, and is stored once', async () => {
      const conversation_id = newId();
      upstream.enqueue(failure(500));
      const key = `${conversation_id}-fails`;
      expect((await talk(conversation_id, 'one', key)).status).toBe(499);
      expect((await talk(conversation_id, 'one', key)).status).toBe(200);
      await talk(conversation_id, 'two', `${conversation_id}-next`);
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
    });

    it('carries a turn to its end whose client leaves, and stores it', async () => {
      const conversation_id = newId();
      const live = new HeldAnswer(stream);
      upstream.enqueue(live.reply);
      const leaver = new AbortController();
      const left = ask(
        { conversation_id, messages: [user('one')] },
        { idempotencyKey: `${conversation_id}-leaves`, signal: leaver.signal },
      ).catch(() => 'left');
      await live.asked();
      leaver.abort();
      expect(await left).toBe('left');
      await live.end();
      await eventually(async () => (await stored(mine)).some(({ message_count }) => message_count === 2));
      const replayed = await talk(conversation_id, 'one', `${conversation_id}-leaves`);
      expect(replayed.said).toBe('Hello there!');
      await ask({ conversation_id, messages: [user('two')] });
      expect(sent()).toEqual([PROMPT, user('one'), ANSWER, user('two')]);
    });
  });
});

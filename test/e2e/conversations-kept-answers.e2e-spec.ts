import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Database } from '../../src/persistence/database.js';
import { askChat, type Answered } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { ConversationsClient, storeNothing } from '../support/conversations.js';
import { json, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { MODEL, Tollgate } from '../support/tollgate.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const SECRET = 'THE-SECRET-ADVICE';

describe('answers kept for an Idempotency-Key, when what they belong to is erased', () => {
  let upstream: FakeUpstream;
  let tollgate: Tollgate;
  let client: ConversationsClient;
  let model: string;
  let serial = 0;

  beforeAll(async () => {
    upstream = await FakeUpstream.start();
    tollgate = await Tollgate.start({ upstream });
    client = new ConversationsClient(tollgate);
    model = await newChatbot(tollgate);
  });
  afterAll(async () => {
    await tollgate.close();
    await upstream.close();
  });

  /** A conversation with a turn, by its `conv_…` id and as its client named it. */
  async function begin(): Promise<{ ours: string; theirs: string }> {
    const theirs = `chat ${++serial}`;
    await askChat(tollgate, {
      model,
      conversation_id: theirs,
      messages: [{ role: 'user', content: 'one' }],
    });
    return { ours: (await client.get(theirs)).id, theirs };
  }

  interface Asked {
    readonly idempotencyKey: string;
    readonly again: () => Promise<Answered>;
  }

  /** A further turn under a key of its own, whole or broken off. */
  async function ask(conversationId: string, broken: boolean): Promise<Asked> {
    const idempotencyKey = `key-${++serial}`;
    const body = {
      model,
      conversation_id: conversationId,
      stream: broken,
      messages: [{ role: 'user', content: 'two' }],
    };
    const again = () => askChat(tollgate, body, { idempotencyKey });
    upstream.enqueue(
      broken
        ? sse(chatChunks(`${SECRET} and more`).slice(0, 3), { done: false, ending: 'reset' })
        : json(chatAnswer({ content: SECRET })),
    );
    expect((await again()).said).toContain(SECRET);
    expect(await keptText(idempotencyKey)).toContain(SECRET);
    return { idempotencyKey, again };
  }

  function recordsOf(idempotencyKey: string) {
    return tollgate.app
      .get(Database)
      .kysely.selectFrom('idempotency_records')
      .selectAll()
      .where('idempotency_key', '=', idempotencyKey)
      .execute();
  }

  async function keptText(idempotencyKey: string): Promise<string> {
    return (await recordsOf(idempotencyKey)).map(({ body }) => body ?? '').join();
  }

  async function eraseNewestItem(id: string): Promise<void> {
    const items = await client.page<{ id: string }>(`/conversations/${id}/items`, 'limit=1');
    const { status } = await client.send('DELETE', `/conversations/${id}/items/${items.data[0]?.id}`);
    expect(status).toBe(200);
  }

  it('are kept where an item is to be erased that is not there', async () => {
    const { ours, theirs } = await begin();
    const { idempotencyKey, again } = await ask(theirs, false);
    const before = await keptText(idempotencyKey);
    const gone = `msg_${'0'.repeat(32)}`;
    expect((await client.send('DELETE', `/conversations/${ours}/items/${gone}`)).status).toBe(404);
    expect(await keptText(idempotencyKey)).toBe(before);
    expect((await again()).headers.get('idempotent-replayed')).toBe('true');
  });

  it.each([false, true])(
    'name their conversation to all who ask for them at once (stream: %s)',
    async (stream) => {
      const idempotencyKey = `key-${++serial}`;
      const body = { model, stream, messages: [{ role: 'user', content: 'begin' }] };
      const first = await askChat(tollgate, body, { idempotencyKey });
      const again = await Promise.all(
        Array.from({ length: 8 }, () => askChat(tollgate, body, { idempotencyKey })),
      );
      expect(again.map(({ text }) => text)).toEqual(again.map(() => first.text));
      expect(new Set(again.map(({ headers }) => headers.get('x-conversation-id')))).toEqual(
        new Set([first.conversationId]),
      );
    },
  );

  describe.each([false, true])('of an account that stores nothing (stream: %s)', (stream) => {
    /** A key of such an account, and how its requests under one key are answered. */
    async function keyOf(settings: Parameters<typeof newChatbot>[1] | undefined) {
      const { accountId } = await tollgate.newKey();
      await storeNothing(tollgate, accountId);
      const { secret } = await tollgate.newKey({ accountId });
      const bot = settings && (await newChatbot(tollgate, settings, { accountId }));
      const idempotencyKey = `key-${++serial}`;
      const body = { model: bot ?? MODEL, stream, messages: [{ role: 'user', content: 'one' }] };
      return { idempotencyKey, again: () => askChat(tollgate, body, { idempotencyKey, key: secret }) };
    }

    it.each([
      ['a chatbot', {}],
      ['a chatbot without memory', { memory: { kind: 'none' as const } }],
      ['a plain model', undefined],
    ])('are not kept: a repetition is a request like any other: %s', async (_what, settings) => {
      const { idempotencyKey, again } = await keyOf(settings);
      const called = upstream.requests.length;
      expect((await again()).status).toBe(200);
      const repeated = await again();
      expect([repeated.status, repeated.headers.get('idempotent-replayed')]).toEqual([200, null]);
      expect(upstream.requests).toHaveLength(called + 2);
      expect(await recordsOf(idempotencyKey)).toEqual([]);
    });
  });

  describe.each([
    { kind: 'a whole answer', broken: false },
    { kind: 'a stream that broke', broken: true },
  ])('$kind', ({ broken }) => {
    it.each(['ours', 'theirs'] as const)(
      'has no text any more, asked by the id that is %s',
      async (whose) => {
        const [erased, edited] = [await begin(), await begin()];
        const asked = [await ask(erased[whose], broken), await ask(edited[whose], broken)];
        expect((await client.send('DELETE', `/conversations/${erased.ours}`)).status).toBe(200);
        await eraseNewestItem(edited.theirs);
        for (const { idempotencyKey } of asked) expect(await keptText(idempotencyKey)).toBe('');
      },
    );

    it('is neither given nor charged again under the same key, until its day is over', async () => {
      const { ours, theirs } = await begin();
      const { idempotencyKey, again } = await ask(theirs, broken);
      const [calls, charges] = [upstream.requests.length, (await tollgate.allUsage()).length];
      expect((await client.send('DELETE', `/conversations/${ours}`)).status).toBe(200);
      for (let repetition = 0; repetition < 2; repetition++) {
        const refused = await again();
        expect(refused).toMatchObject({ status: 409, error: { code: 'idempotency_erased' } });
        expect(refused.error.message).toContain('was erased. Use a new key');
        expect(refused.headers.get('x-should-retry')).toBe('false');
      }
      expect(upstream.requests.length).toBe(calls);
      expect(await tollgate.allUsage()).toHaveLength(charges);

      await tollgate.app
        .get(Database)
        .kysely.updateTable('idempotency_records')
        .set({ created_at_ms: BigInt(Date.now() - DAY_MS - 60_000) })
        .where('idempotency_key', '=', idempotencyKey)
        .execute();
      expect((await again()).status).toBe(200);
    });
  });
});

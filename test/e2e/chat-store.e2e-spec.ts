import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { StoredCompletionRepository } from '../../src/conversations/stored-completion.repository.js';
import { InFlight } from '../../src/inference/in-flight.js';
import { Database } from '../../src/persistence/database.js';
import { askChat, type Answered, type Asking } from '../support/chat-asking.js';
import { newChatbot } from '../support/chatbots.js';
import { eventually } from '../support/eventually.js';
import { failure, json, type Reply, sse } from '../support/fake-upstream-replies.js';
import { chatAnswer, chatChunks } from '../support/fake-upstream-wire.js';
import { FakeUpstream } from '../support/fake-upstream.js';
import { HeldAnswer } from '../support/held-answer.js';
import { brokenInvariantsOf } from '../support/invariants.js';
import { MODEL, Tollgate } from '../support/tollgate.js';
import { WEATHER_TOOL } from '../support/weather-tool.js';
import { SURFACES } from '../support/wire-surfaces.js';

const MESSAGES = [
  { role: 'system', content: 'Be kind.' },
  { role: 'user', content: 'hi' },
];
const METADATA = { topic: 'greeting' };

const CASES = SURFACES.flatMap(({ name, base }) =>
  [false, true].flatMap((stream) => ['a model', 'a chatbot'].map((asked) => ({ name, base, stream, asked }))),
);

describe.each(CASES)(
  'store: true on $base ($name), $asked (stream: $stream)',
  ({ name, base, stream, asked }) => {
    let upstream: FakeUpstream;
    let tollgate: Tollgate;
    let model = MODEL;

    beforeAll(async () => {
      upstream = await FakeUpstream.start();
      tollgate = await Tollgate.start({ upstream });
      if (asked === 'a chatbot') model = await newChatbot(tollgate, { systemPrompt: 'You are Bot.' });
    });
    afterEach(() => {
      upstream.clear();
      jest.restoreAllMocks();
    });
    afterAll(async () => {
      const broken = await brokenInvariantsOf(tollgate);
      await tollgate.close();
      await upstream.close();
      if (broken.length > 0) throw new Error(broken.join('\n'));
    });

    const ask = (over: Record<string, unknown> = {}, asking: Asking = {}): Promise<Answered> =>
      askChat(
        tollgate,
        { model, stream, store: true, metadata: METADATA, messages: MESSAGES, ...over },
        { base, ...asking },
      );
    const rows = () =>
      tollgate.app
        .get(Database)
        .kysely.selectFrom('conversations')
        .select('id')
        .where('kind', '=', 'completion')
        .execute();
    /** Ids of what was stored since. */
    const storedBy = async <T>(act: () => Promise<T>): Promise<{ done: T; ids: string[] }> => {
      const before = new Set((await rows()).map(({ id }) => id));
      const done = await act();
      return { done, ids: (await rows()).map(({ id }) => id).filter((id) => !before.has(id)) };
    };
    const get = async (path: string) =>
      (await (await tollgate.get(`/v1/chat/completions/${path}`)).json()) as Record<string, unknown>;

    it('stores the answer once, there when the answer has ended, as it was given', async () => {
      const { done, ids } = await storedBy(ask);
      expect(done.status).toBe(200);
      expect(ids).toEqual([done.id]);

      const stored = await get(done.id ?? '');
      const given = stream ? stored : (JSON.parse(done.text) as object);
      expect(stored).toEqual({ ...given, metadata: METADATA, request_id: done.requestId });
      expect(stored).toMatchObject({
        id: done.id,
        object: 'chat.completion',
        model,
        metadata: METADATA,
        choices: [
          { index: 0, message: { role: 'assistant', content: 'Hello there!' }, finish_reason: 'stop' },
        ],
        usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
        ...(name === 'W' ? { conversation_id: done.conversationId } : {}),
      });
      expect((await get(`${done.id}/messages?order=asc`))['data']).toMatchObject(MESSAGES);
      expect(upstream.requests.at(-1)?.body).not.toHaveProperty('store');
      expect(upstream.requests.at(-1)?.body).not.toHaveProperty('metadata');
    });

    it('stores nothing that is not asked to be stored', async () => {
      for (const store of [undefined, null, false]) {
        const { done, ids } = await storedBy(() => ask({ store }));
        expect([done.status, ids]).toEqual([200, []]);
      }
    });

    it('stores every choice, its reasoning, and its calls by the ids that the client was given', async () => {
      const toolCalls = [
        { id: '', name: 'weather', arguments: '{"city":"Oslo"}' },
        { id: '', name: 'weather', arguments: '{"city":"Rome"}' },
      ];
      upstream.enqueue(
        stream ? sse(chatChunks([], { toolCalls, n: 2 })) : json(chatAnswer({ toolCalls, n: 2 })),
      );
      const { done, ids } = await storedBy(() => ask({ n: 2, tools: [WEATHER_TOOL] }));
      expect(ids).toEqual([done.id]);
      const given = new Set(done.text.match(/call_[A-Za-z0-9]+/g));
      expect(given.size).toBe(4);
      const { choices } = await get(done.id ?? '');
      expect(new Set(JSON.stringify(choices).match(/call_[A-Za-z0-9]+/g))).toEqual(given);
      expect(choices).toHaveLength(2);

      upstream.enqueue(
        stream
          ? sse(chatChunks('So.', { reasoning: ['Hm'] }))
          : json(chatAnswer({ content: 'So.', reasoning: 'Hm' })),
      );
      const thought = await ask();
      expect(await get(thought.id ?? '')).toMatchObject({
        choices: [{ message: { content: 'So.', reasoning_content: 'Hm' } }],
      });
    });

    it('stores an answer that was cut at its token limit', async () => {
      const reply: Reply = stream
        ? sse(
            chatChunks(
              Array.from({ length: 100 }, () => 'word '),
              { usage: null, finishReason: null },
            ),
          )
        : json(chatAnswer({ content: 'word', finishReason: 'length' }));
      upstream.enqueue(reply);
      const { done, ids } = await storedBy(() => ask({ max_tokens: 1 }));
      expect(ids).toEqual([done.id]);
      const { choices } = await get(done.id ?? '');
      expect(choices).toMatchObject([{ finish_reason: 'length', message: { content: done.said } }]);
    });

    it.each<[string, Reply]>([
      ['fails', failure(500)],
      ['is refused', failure(400)],
      ['breaks off', sse(chatChunks('Two tokens').slice(0, 3), { done: false, ending: 'reset' })],
      ['ends without an end', sse(chatChunks('Two tokens', { finishReason: null }), { done: false })],
      [
        'tells of an error',
        sse([...chatChunks('Two tokens').slice(0, 3), { error: { message: 'no' } }], { done: false }),
      ],
    ])('stores nothing of an answer that %s', async (_end, reply) => {
      upstream.enqueue(reply);
      const { done, ids } = await storedBy(ask);
      expect(done.text).toContain('"error"');
      expect(ids).toEqual([]);
    });

    it('stores nothing for a client that left', async () => {
      const held = new HeldAnswer(stream);
      upstream.enqueue(held.reply);
      const leaver = new AbortController();
      const { ids } = await storedBy(async () => {
        const left = ask({}, { signal: leaver.signal }).catch(() => 'left');
        await held.asked();
        if (stream) await held.begin(2);
        leaver.abort();
        expect(await left).toBe('left');
        await eventually(() => tollgate.openRequests === 0);
        await held.end(2);
      });
      expect(ids).toEqual([]);
    });

    it('stores a replayed answer once', async () => {
      const asking = { idempotencyKey: 'once' };
      const { done, ids } = await storedBy(async () => {
        const both = await Promise.all([ask({}, asking), ask({}, asking)]);
        return [...both, await ask({}, asking)];
      });
      expect(new Set(done.map(({ text }) => text)).size).toBe(1);
      expect(ids).toEqual([done[0]?.id]);
    });

    it('stores it in the transaction of the charge: neither is there without the other', async () => {
      const completions = tollgate.app.get(StoredCompletionRepository, { strict: false });
      const store = completions.store.bind(completions);
      let written = 0;
      const spy = jest.spyOn(completions, 'store').mockImplementation(async (trx, completion) => {
        await store(trx, completion);
        written += 1;
        throw new Error('the database is gone');
      });
      const { done, ids } = await storedBy(ask);
      expect(written).toBeGreaterThan(0);
      expect(done.text).toContain('"error"');
      expect(done.text).not.toContain('[DONE]');
      expect(ids).toEqual([]);
      const usage = await eventually(() => tollgate.usageOf(done.requestId), 'its late end');
      expect(usage.outcome).toBe('settled_late');
      expect(usage.creditHundredths > 0n).toBe(stream);
      spy.mockRestore();
      expect((await storedBy(ask)).ids).toHaveLength(1);
    });

    it('is another account’s to nobody', async () => {
      const { id } = await ask();
      const other = { authorization: `Bearer ${(await tollgate.newKey()).secret}` };
      const answers = [];
      for (const each of [id, `chatcmpl-${'0'.repeat(29)}`]) {
        for (const path of ['', '/messages']) {
          const response = await tollgate.get(`/v1/chat/completions/${each}${path}`, other);
          answers.push([response.status, await response.text()]);
        }
      }
      expect(answers[0]?.[0]).toBe(404);
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    });

    if (asked === 'a chatbot' && name === 'W') {
      it('stores it beside the conversation, each once', async () => {
        const messages = [{ role: 'user', content: 'one' }];
        const first = await ask({ conversation_id: 'both', messages });
        const { done, ids } = await storedBy(() => ask({ conversation_id: 'both', messages }));
        expect(ids).toEqual([done.id]);
        expect(upstream.requests.at(-1)?.body['messages']).toHaveLength(4);
        const question = await get(`${done.id}/messages`);
        expect(question['data']).toMatchObject(messages);
        const id = (await tollgate.usageOf(first.requestId))?.context?.conversation?.id;
        const conversation = await (await tollgate.get(`/v1/conversations/${id}`)).json();
        expect(conversation).toMatchObject({ messages: 4, turns: 2 });
      });
    }

    it('stores nothing of an answer that the shutdown cut', async () => {
      const gateway = await Tollgate.start({ upstream });
      try {
        const held = new HeldAnswer(stream);
        upstream.enqueue(held.reply);
        const cut = askChat(gateway, { model: MODEL, stream, store: true, messages: MESSAGES }, { base });
        await held.asked();
        if (stream) await held.begin(2);
        await eventually(() => gateway.openRequests === 1);
        if (stream) await eventually(async () => upstream.requests.at(-1)?.response.bytesSent);
        await gateway.app.get(InFlight, { strict: false }).drain(0);
        expect((await cut).text).toContain('"error"');
        const stored = await gateway.app
          .get(Database)
          .kysely.selectFrom('conversations')
          .select('id')
          .execute();
        expect(stored).toEqual([]);
        expect(await brokenInvariantsOf(gateway)).toEqual([]);
      } finally {
        await gateway.close();
      }
    });
  },
);

import { beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CompiledQuery, sql } from 'kysely';
import { newConversationRowId, newRequestId } from '../../src/common/ids/ids.js';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import { chainAfter, EMPTY_CHAIN } from '../../src/conversations/chain.js';
import type {
  ConversationScope,
  NewTurn,
  Recollection,
  StoredMessage,
} from '../../src/conversations/conversation.js';
import type { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';

const AT_MS = 1_790_000_000_000;
const ALL = 100_000;

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const chainOf = (messages: readonly ChatMessage[]): string => chainAfter(EMPTY_CHAIN, messages);

const placed = (messages: readonly StoredMessage[]) =>
  messages.map(({ seq, turn, message }) => [seq, turn, message.content]);

/** The same numbers from 0 to 1 for the same seed. */
function numbers(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = Math.imul(state ^ (state >>> 15), state | 1);
    state ^= state + Math.imul(state ^ (state >>> 7), state | 61);
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function planOf(database: Database, { sql: text, parameters }: CompiledQuery): Promise<string> {
  const explain = database.kind === 'sqlite' ? 'explain query plan ' : 'explain ';
  return database.kysely.transaction().execute(async (trx) => {
    // The server takes small tables whole, whatever indices they have.
    if (database.kind === 'postgres') await sql`set local enable_seqscan = off`.execute(trx);
    const { rows } = await trx.executeQuery<Record<string, unknown>>(
      CompiledQuery.raw(explain + text, [...parameters]),
    );
    return rows.map((row) => String(row['detail'] ?? row['QUERY PLAN'])).join('\n');
  });
}

eachDatabase((_kind, open) => {
  let database: Database;
  let conversations: ConversationRepositories['conversations'];
  let records: ConversationRepositories['records'];
  let stored: ConversationRepositories['messages'];
  let erasure: ConversationRepositories['erasure'];
  let scope: ConversationScope;
  let scopes = 0;

  beforeAll(async () => {
    database = await open();
    ({ conversations, records, messages: stored, erasure } = conversationRepositories(database));
  });
  beforeEach(() => {
    scopes += 1;
    scope = { accountId: 'acct_1', chatbotId: 'bot_1', clientId: `chat ${scopes}` };
  });

  function append(turn: Partial<NewTurn> & Pick<NewTurn, 'id'>): Promise<boolean> {
    return inTransaction(database.kysely, (trx) =>
      conversations.appendTurn(trx, {
        scope,
        existed: true,
        model: 'bot_1',
        messages: [user('hi'), assistant('hello')],
        requestId: newRequestId(AT_MS),
        atMs: AT_MS,
        ...turn,
      }),
    );
  }

  async function begin(...messages: ChatMessage[]): Promise<string> {
    const id = newConversationRowId();
    expect(await append({ id, existed: false, messages })).toBe(true);
    return id;
  }

  async function recall(atMost = ALL, of = scope): Promise<Recollection> {
    const found = await conversations.recall(of, atMost);
    if (found === undefined) throw new Error('nothing is stored');
    return found;
  }

  async function messagesOf(id: string): Promise<number> {
    const rows = await database.kysely
      .selectFrom('conversation_messages')
      .select('seq')
      .where('conversation_id', '=', id)
      .execute();
    return rows.length;
  }

  describe('TurnRepository.recall', () => {
    it('is one statement that reads indices, in a conversation of any length', async () => {
      const id = await begin(user('0'), assistant('0'));
      for (let n = 0; n < 40; n++) await append({ id, messages: [user('u'), assistant('a')] });
      for (let n = 0; n < 300; n++) {
        const other = { ...scope, clientId: `other ${n}` };
        await append({ id: newConversationRowId(), existed: false, scope: other });
      }
      // As the server does by itself when a table has grown.
      await sql`analyze`.execute(database.kysely);
      const run = jest.spyOn(database.kysely, 'executeQuery');
      await conversations.recall(scope, 20);
      await conversations.stateOf(scope);
      const queries = run.mock.calls.map(([query]) => query as CompiledQuery);
      run.mockRestore();
      expect(queries).toHaveLength(2);
      const plans = await Promise.all(queries.map((query) => planOf(database, query)));
      for (const plan of plans) {
        expect(plan).toMatch(/conversations_by_client/);
        expect(plan).not.toMatch(/SCAN conv|TEMP B-TREE|Seq Scan/);
      }
      expect(plans[0]).toMatch(/conversation_messages_(1|key)/);
    });

    it('gives the newest, oldest first, however many are asked for', async () => {
      const id = await begin(user('1'), assistant('2'));
      await append({ id, messages: [user('3'), assistant('4')] });
      for (let atMost = 1; atMost <= 5; atMost++) {
        const { messages } = await recall(atMost);
        expect(messages.map(({ message }) => message.content)).toEqual(['1', '2', '3', '4'].slice(-atMost));
      }
    });

    it('S33: finds nothing under another account, chatbot or id', async () => {
      await begin(user('mine'), assistant('yours'));
      const others: ConversationScope[] = [
        { ...scope, accountId: 'acct_2' },
        { ...scope, chatbotId: 'bot_2' },
        { ...scope, chatbotId: undefined },
        { ...scope, clientId: `${scope.clientId} ` },
        { ...scope, clientId: scope.clientId.toUpperCase() },
        { ...scope, clientId: `' or '1'='1` },
      ];
      for (const other of others) {
        expect(await conversations.recall(other, ALL)).toBeUndefined();
        expect(await conversations.stateOf(other)).toBeUndefined();
      }
    });

    it('keeps conversations apart that differ in account or chatbot alone', async () => {
      const scopesOfOneId = [
        scope,
        { ...scope, chatbotId: 'bot_2' },
        { ...scope, chatbotId: undefined },
        { ...scope, accountId: 'acct_2' },
      ];
      for (const [index, one] of scopesOfOneId.entries()) {
        await append({
          id: newConversationRowId(),
          existed: false,
          scope: one,
          messages: [user(`${index}`)],
        });
      }
      for (const [index, one] of scopesOfOneId.entries()) {
        expect(placed((await recall(ALL, one)).messages)).toEqual([[1, 1, `${index}`]]);
      }
    });
  });

  describe('TurnRepository.appendTurn', () => {
    it('writes nothing of a conversation that was found and is gone', async () => {
      const id = await begin(user('1'));
      await erasure.erase('acct_1', id, 'conversation');
      expect(await append({ id })).toBe(false);
      expect(await conversations.recall(scope, ALL)).toBeUndefined();
      expect(await messagesOf(id)).toBe(0);
    });

    it('writes nothing where another was made under the same scope meanwhile', async () => {
      await begin(user('first'));
      const id = newConversationRowId();
      expect(await append({ id, existed: false })).toBe(false);
      expect(await messagesOf(id)).toBe(0);
      expect(placed((await recall()).messages)).toEqual([[1, 1, 'first']]);
    });

    it('S33: adds nothing to a conversation of another account', async () => {
      const id = await begin(user('1'));
      expect(await append({ id, scope: { ...scope, accountId: 'acct_2' } })).toBe(false);
      expect(await messagesOf(id)).toBe(1);
    });

    it('leaves nothing behind when its charge is rolled back, and can run again', async () => {
      const id = newConversationRowId();
      const turn: NewTurn = {
        scope,
        id,
        existed: false,
        model: 'bot_1',
        messages: [user('1'), assistant('2')],
        requestId: newRequestId(AT_MS),
        atMs: AT_MS,
      };
      const failed = database.kysely.transaction().execute(async (trx) => {
        await conversations.appendTurn(trx, turn);
        throw new Error('no charge');
      });
      await expect(failed).rejects.toThrow('no charge');
      expect(await conversations.recall(scope, ALL)).toBeUndefined();
      expect(await inTransaction(database.kysely, (trx) => conversations.appendTurn(trx, turn))).toBe(true);
      expect((await recall()).messages).toHaveLength(2);
    });

    it('replaces what the history of the client departs from, in whole exchanges and within one', async () => {
      const id = await begin(user('1'), assistant('2'));
      await append({ id, messages: [user('3'), assistant('4')] });
      await append({ id, messages: [user('5'), assistant('6')] });
      // A second try of the last answer: the same exchange.
      await append({ id, messages: [assistant('6b')], departsAfterSeq: 5 });
      expect(placed((await recall()).messages).slice(4)).toEqual([
        [5, 3, '5'],
        [7, 3, '6b'],
      ]);
      // An edit of the second question.
      await append({ id, messages: [user('3b'), assistant('4b')], departsAfterSeq: 2 });
      expect(placed((await recall()).messages)).toEqual([
        [1, 1, '1'],
        [2, 1, '2'],
        [8, 2, '3b'],
        [9, 2, '4b'],
      ]);
      await append({ id, messages: [user('anew')], departsAfterSeq: 0 });
      expect(placed((await recall()).messages)).toEqual([[10, 1, 'anew']]);
      const { conversation } = await recall();
      expect(conversation).toMatchObject({ messageCount: 1, turnCount: 1, version: 6 });
      expect(conversation.head.chain).toBe(chainOf([user('anew')]));
    });

    it('is as it was when a turn is taken out again, also one that went on with an exchange', async () => {
      const id = await begin(user('1'), assistant('2'));
      await append({ id, messages: [user('3'), assistant('4')] });
      for (const [departsAfterSeq, kept] of [
        [undefined, 4],
        [3, 3],
        [2, 2],
      ] as const) {
        const requestId = newRequestId(AT_MS);
        await append({ id, messages: [assistant('again')], departsAfterSeq, requestId });
        await inTransaction(database.kysely, (trx) =>
          conversations.takeBackTurn(trx, { scope, id, existed: true, requestId, departsAfterSeq }),
        );
        const { conversation, messages } = await recall();
        expect(messages).toHaveLength(kept);
        expect(conversation).toMatchObject({ messageCount: kept, turnCount: messages.at(-1)?.turn });
      }
    });

    it('keeps a summary until something that it covers departs', async () => {
      const id = await begin(user('1'), assistant('2'));
      await append({ id, messages: [user('3'), assistant('4')] });
      const summary = { text: 'numbers', throughSeq: 2, messages: 2 };
      await inTransaction(database.kysely, (trx) => conversations.setSummary(trx, id, summary, 2));
      await append({ id, messages: [user('5')] });
      await append({ id, messages: [user('3b')], departsAfterSeq: 2 });
      expect((await recall()).conversation.head.summary).toEqual(summary);
      await append({ id, messages: [user('2b')], departsAfterSeq: 1 });
      expect((await recall()).conversation.head.summary).toBeUndefined();
    });

    it('takes turns with others on the same conversation: all are stored whole, none within another', async () => {
      const id = await begin(user('0'));
      const words = Array.from({ length: 12 }, (_, n) => `w${n}`);
      const outcomes = await Promise.all(
        words.map((word) => append({ id, messages: [user(word), assistant(word)] })),
      );
      expect(outcomes.every(Boolean)).toBe(true);
      const { messages, conversation } = await recall();
      const said = messages.map(({ message }) => message);
      expect(said).toHaveLength(25);
      for (let at = 1; at < said.length; at += 2) expect(said[at + 1]?.content).toBe(said[at]?.content);
      expect(new Set(said.map(({ content }) => content))).toEqual(new Set(['0', ...words]));
      expect(conversation).toMatchObject({ messageCount: 25, turnCount: 13, version: 13 });
      expect(conversation.head.chain).toBe(chainOf(said));
    });

    it('lets exactly one of several begin a conversation', async () => {
      const ids = Array.from({ length: 8 }, () => newConversationRowId());
      const outcomes = await Promise.all(ids.map((id) => append({ id, existed: false })));
      expect(outcomes.filter(Boolean)).toHaveLength(1);
      expect((await recall()).messages).toHaveLength(2);
      const counts = await Promise.all(ids.map(messagesOf));
      expect(counts.reduce((sum, count) => sum + count)).toBe(2);
    });

    it('leaves no message without its conversation when that is erased at the same time', async () => {
      for (let round = 0; round < 5; round++) {
        const id = await begin(user('1'), assistant('2'));
        await Promise.all([
          append({ id }),
          append({ id }),
          erasure.erase('acct_1', id, 'conversation'),
          append({ id }),
        ]);
        expect(await messagesOf(id)).toBe(0);
        expect(await conversations.recall(scope, ALL)).toBeUndefined();
      }
    });
  });

  describe('TurnRepository.setSummary', () => {
    it('keeps the last one, of the conversation as it was read', async () => {
      const id = await begin(user('1'), assistant('2'), user('3'), assistant('4'));
      const set = (text: string, throughSeq: number, messages: number, version: number) =>
        inTransaction(database.kysely, (trx) =>
          conversations.setSummary(trx, id, { text, throughSeq, messages }, version),
        );
      const kept = async () => (await recall()).conversation.head.summary?.text;
      await set('three', 3, 3, 1);
      expect(await kept()).toBe('three');
      // Of a client that went back into what the one before covers.
      await set('two', 2, 2, 1);
      expect(await kept()).toBe('two');
      expect((await recall()).conversation.version).toBe(1);
      await inTransaction(database.kysely, (trx) =>
        conversations.setSummary(trx, 'conv_none', { text: 'x', throughSeq: 1, messages: 1 }, 1),
      );
    });

    it.each([
      ['erased', undefined],
      ['changed in its place', user('1')],
    ])('keeps none that may tell of a message that was %s meanwhile', async (_how, left) => {
      const id = await begin(user('1, and a secret'), assistant('2'));
      const [first] = (await recall()).messages;
      await records.editMessage('acct_1', id, first?.id ?? '', () => left);
      await inTransaction(database.kysely, (trx) =>
        conversations.setSummary(trx, id, { text: 'a secret', throughSeq: 2, messages: 2 }, 1),
      );
      expect((await recall()).conversation.head.summary).toBeUndefined();
    });
  });

  it.each([1, 2, 3])(
    'stays what a plain list of messages would be, whatever is done (seed %d)',
    async (seed) => {
      const random = numbers(seed);
      const id = await begin(user('first'));
      let model: ChatMessage[] = [user('first')];
      /** Whether it has a digest: not after a message was erased, until somebody tells it. */
      let known = true;
      let seqs = [1];
      let nextSeq = 2;
      for (let step = 0; step < 60; step++) {
        const choice = random();
        const word = `${step}`;
        if (choice < 0.65) {
          const messages = random() < 0.8 ? [user(word), assistant(word)] : [assistant(word)];
          // Any place, also one where a message was, or none will ever be.
          const departs = random() < 0.4 ? Math.floor(random() * (nextSeq + 2)) : undefined;
          const kept = seqs.filter((seq) => departs === undefined || seq <= departs);
          const before = model.slice(0, kept.length);
          const digest = random() < 0.5 ? chainOf(before) : undefined;
          if (kept.length < model.length) known = digest !== undefined || kept.length === 0;
          else known ||= digest !== undefined;
          await append({
            id,
            messages,
            before: { messageCount: before.length, chain: digest },
            departsAfterSeq: departs,
          });
          model = [...before, ...messages];
          seqs = [...kept, ...messages.map((_, index) => nextSeq + index)];
          nextSeq += messages.length;
        } else if (choice < 0.8) {
          const messages = [user(word), user(`${word}b`), assistant(word)];
          await records.addMessages('acct_1', id, messages, AT_MS);
          model = [...model, ...messages];
          seqs = [...seqs, ...messages.map((_, index) => nextSeq + index)];
          nextSeq += messages.length;
        } else if (model.length > 0) {
          const at = Math.floor(random() * model.length);
          const target = (await recall()).messages[at];
          const left = random() < 0.5 ? user(`${word} edited`) : undefined;
          await records.editMessage('acct_1', id, target?.id ?? '', () => left);
          model = left === undefined ? model.toSpliced(at, 1) : model.with(at, left);
          if (left === undefined) seqs = seqs.toSpliced(at, 1);
          known = model.length === 0;
        }
        const { conversation, messages } = await recall();
        expect(messages.map(({ message }) => message)).toEqual(model);
        expect(messages.map(({ seq }) => seq)).toEqual(seqs);
        expect(conversation.messageCount).toBe(model.length);
        expect(conversation.head.chain).toBe(known ? chainOf(model) : undefined);
        const turns = messages.map(({ turn }) => turn);
        expect(turns).toEqual(turns.toSorted((a, b) => a - b));
        expect(conversation.turnCount).toBeGreaterThanOrEqual(turns.at(-1) ?? 0);
        expect(conversation.version).toBe(step + 2);
      }
    },
  );

  it('goes through 1,000 messages page by page, in both orders', async () => {
    const id = await begin(user('0'));
    for (let n = 1; n < 1000; n += 9) {
      const messages = Array.from({ length: Math.min(9, 1000 - n) }, (_, index) => user(`${n + index}`));
      await append({ id, messages });
    }
    for (const order of ['asc', 'desc'] as const) {
      const seen: number[] = [];
      let afterSeq: number | undefined;
      for (let hasMore = true; hasMore;) {
        const page = await stored.list(id, { order, afterSeq, limit: 64 });
        seen.push(...page.rows.map(({ message }) => Number(message.content)));
        afterSeq = page.rows.at(-1)?.seq;
        ({ hasMore } = page);
      }
      const inOrder = Array.from({ length: 1000 }, (_, n) => n);
      expect(seen).toEqual(order === 'asc' ? inOrder : inOrder.toReversed());
    }
    expect((await recall(50)).messages.map(({ seq }) => seq)).toEqual(
      Array.from({ length: 50 }, (_, n) => 951 + n),
    );
  });

  it.each([
    ['a null byte', 'a\u0000b'],
    ['half a surrogate pair', 'a\ud83db\ude42'],
    ['characters of 4 bytes', '🙂𝔘𠜎'],
    ['what looks like a parameter', '$1 ? :name %s \\u0000 \\'],
    ['quotes and line ends', `'"\`\r\n\u2028`],
    ['a long text', 'ż'.repeat(200_000)],
  ])('gives back %s as it was, wherever it stands', async (_what, odd) => {
    const call = { id: odd, type: 'function', function: { name: odd, arguments: odd } } as const;
    const messages: ChatMessage[] = [
      { role: 'user', content: odd, name: odd },
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'tool', content: [{ type: 'text', text: odd }], tool_call_id: odd },
    ];
    const id = await begin(...messages);
    await records.changeHead('acct_1', id, { title: odd, metadata: { [odd]: odd } });
    await inTransaction(database.kysely, (trx) =>
      conversations.setSummary(trx, id, { text: odd, throughSeq: 3, messages: 3 }, 1),
    );
    const { rows } = await stored.list(id, { order: 'asc', limit: 10 });
    expect(rows.map(({ message }) => message)).toEqual(messages);
    const { head } = (await recall()).conversation;
    expect(head).toMatchObject({ title: odd, metadata: { [odd]: odd }, summary: { text: odd } });
    expect(await append({ id })).toBe(true);
  });
});

import { beforeAll, describe, expect, it } from '@jest/globals';
import { newChatCompletionId, newRequestId } from '../../src/common/ids/ids.js';
import type { PagePosition } from '../../src/common/page.js';
import type { NewStoredCompletion } from '../../src/conversations/stored-completion.js';
import {
  StoredCompletionRepository,
  type CompletionFilter,
} from '../../src/conversations/stored-completion.repository.js';
import type { Database } from '../../src/persistence/database.js';
import { Sealer } from '../../src/persistence/sealer.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { conversationRepositories } from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';

const AT_MS = 1_790_000_000_000;

function newCompletion(overrides: Partial<NewStoredCompletion> = {}): NewStoredCompletion {
  return {
    id: newChatCompletionId(),
    accountId: 'acct_1',
    model: 'sandbox/chat',
    metadata: { topic: 'tests' },
    answer: '{"choices":[]}',
    requestId: newRequestId(AT_MS),
    createdAtMs: AT_MS,
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
    ],
    ...overrides,
  };
}

eachDatabase((_kind, open) => {
  describe('StoredCompletionRepository', () => {
    let database: Database;
    let completions: StoredCompletionRepository;
    beforeAll(async () => {
      database = await open();
      const sealer = new Sealer([{ name: 'k1', secret: Buffer.alloc(32, 1).toString('base64') }]);
      ({ completions } = conversationRepositories(database, sealer));
    });

    async function store(overrides: Partial<NewStoredCompletion> = {}): Promise<NewStoredCompletion> {
      const completion = newCompletion(overrides);
      await inTransaction(database.kysely, (trx) => completions.store(trx, completion));
      return completion;
    }

    async function idsOf(accountId: string, filter: CompletionFilter, order: 'asc' | 'desc', limit: number) {
      const ids: string[] = [];
      let after: PagePosition | undefined;
      for (;;) {
        const { rows, hasMore } = await completions.list(accountId, filter, { order, after, limit });
        ids.push(...rows.map(({ id }) => id));
        after = rows.at(-1);
        if (!hasMore) return ids;
      }
    }

    it('gives back an answer with what was asked, system messages included', async () => {
      const { messages, ...stored } = await store();
      expect(await completions.find('acct_1', stored.id)).toEqual(stored);
      const asked = await completions.messages(stored.id, { order: 'asc', limit: 10 });
      expect(asked.rows.map(({ message }) => message)).toEqual(messages);
    });

    it('stores a completion once, the first time', async () => {
      const first = await store();
      await store({ id: first.id, answer: '{"other":1}' });
      await store({ id: first.id, accountId: 'acct_2' });
      expect((await completions.find('acct_1', first.id))?.answer).toBe(first.answer);
      expect(await completions.find('acct_2', first.id)).toBeUndefined();
      expect((await completions.messages(first.id, { order: 'asc', limit: 10 })).rows).toHaveLength(2);
    });

    it('S33: shows, changes and lists nothing of another account', async () => {
      const { id } = await store();
      expect(await completions.find('acct_2', id)).toBeUndefined();
      expect(await completions.changeMetadata('acct_2', id, {})).toBe(false);
      expect(await idsOf('acct_2', {}, 'asc', 10)).toEqual([]);
    });

    it('is no conversation, whatever id a client asks for', async () => {
      const { id } = await store();
      const { conversations } = conversationRepositories(database);
      const scope = { accountId: 'acct_1', chatbotId: undefined, clientId: id };
      expect(await conversations.recall(scope, 10)).toBeUndefined();
      expect(await conversations.stateOf(scope)).toBeUndefined();
    });

    it('replaces metadata and nothing else', async () => {
      const { messages: _asked, ...stored } = await store();
      const changed = { ...stored, metadata: { constructor: 'x' } };
      expect(await completions.changeMetadata('acct_1', stored.id, changed.metadata)).toBe(true);
      expect(await completions.find('acct_1', stored.id)).toEqual(changed);
    });

    it('reads of many long answers only those that are told, and none to search by metadata', async () => {
      const accountId = 'acct_long';
      const answer = JSON.stringify({ choices: [], pad: 'x'.repeat(3_000_000) });
      const ids: string[] = [];
      for (let n = 0; n < 6; n++) {
        const metadata = { n: `${n}` };
        ids.push((await store({ accountId, metadata, answer, createdAtMs: AT_MS + n })).id);
      }
      const { rows, hasMore } = await completions.list(accountId, {}, { order: 'asc', limit: 20 });
      expect({ told: rows.map(({ id }) => id), hasMore }).toEqual({ told: ids.slice(0, 2), hasMore: true });
      expect(await idsOf(accountId, {}, 'asc', 20)).toEqual(ids);
      // Not one of them can be opened any more, but for the last.
      await database.kysely
        .updateTable('conversation_messages')
        .set({ body: 'no answer' })
        .where('conversation_id', 'in', ids.slice(0, 5))
        .execute();
      expect(await idsOf(accountId, { metadata: { n: '5' } }, 'asc', 20)).toEqual([ids[5]]);
      expect(await completions.findPosition(accountId, ids[0] ?? '')).toMatchObject({ id: ids[0] });
    });

    it('lists by time in pages of any size, by model and by metadata, however rare', async () => {
      const accountId = 'acct_list';
      const all: string[] = [];
      const rare: string[] = [];
      for (let n = 0; n < 230; n++) {
        const metadata = n % 100 === 7 ? { topic: 'rare', n: `${n}` } : { topic: 'usual' };
        const model = n % 2 === 0 ? 'even' : 'odd';
        // Ten at a time are of the same moment.
        const { id } = await store({ accountId, metadata, model, createdAtMs: AT_MS + Math.floor(n / 10) });
        all.push(id);
        if (metadata.topic === 'rare') rare.push(id);
      }
      const oldestFirst = await idsOf(accountId, {}, 'asc', 7);
      expect(oldestFirst.toSorted()).toEqual(all.toSorted());
      for (const [index, id] of all.entries()) {
        expect(Math.floor(oldestFirst.indexOf(id) / 10)).toBe(Math.floor(index / 10));
      }
      expect(await idsOf(accountId, {}, 'desc', 100)).toEqual(oldestFirst.toReversed());
      expect(await idsOf(accountId, { metadata: { topic: 'rare' } }, 'asc', 2)).toEqual(rare);
      expect(await idsOf(accountId, { metadata: { topic: 'rare', n: '107' } }, 'asc', 1)).toEqual([rare[1]]);
      expect(await idsOf(accountId, { metadata: { constructor: 'x' } }, 'asc', 1)).toEqual([]);
      expect(await idsOf(accountId, { model: 'odd', metadata: { topic: 'rare' } }, 'desc', 1)).toEqual(
        rare.toReversed(),
      );
      expect(await idsOf(accountId, { model: 'even', metadata: { topic: 'rare' } }, 'asc', 1)).toEqual([]);
      expect(await idsOf(accountId, { model: 'even' }, 'asc', 50)).toHaveLength(115);
    });
  });
});

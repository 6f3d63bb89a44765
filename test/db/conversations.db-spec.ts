import { beforeAll, describe, expect, it } from '@jest/globals';
import { newConversationRowId, newRequestId } from '../../src/common/ids/ids.js';
import type { ChatMessage } from '../../src/contracts/openai/chat-completion.js';
import { chainAfter, EMPTY_CHAIN } from '../../src/conversations/chain.js';
import type { ConversationScope, NewTurn } from '../../src/conversations/conversation.js';
import type { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';

const AT_MS = 1_790_000_000_000;

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });

function chainOf(messages: readonly ChatMessage[]): string {
  return chainAfter(EMPTY_CHAIN, messages);
}

eachDatabase((_kind, open) => {
  let database: Database;
  let conversations: ConversationRepositories['conversations'];
  let records: ConversationRepositories['records'];
  let stored: ConversationRepositories['messages'];
  let erasure: ConversationRepositories['erasure'];
  let scopes = 0;

  beforeAll(async () => {
    database = await open();
    ({ conversations, records, messages: stored, erasure } = conversationRepositories(database));
  });

  function newScope(overrides: Partial<ConversationScope> = {}): ConversationScope {
    scopes += 1;
    return { accountId: 'acct_1', chatbotId: 'bot_1', clientId: `chat ${scopes}`, ...overrides };
  }

  function append(turn: Partial<NewTurn> & Pick<NewTurn, 'scope' | 'id'>): Promise<boolean> {
    return inTransaction(database.kysely, (trx) =>
      conversations.appendTurn(trx, {
        existed: true,
        model: 'bot_1',
        messages: [user('hi'), assistant('hello')],
        requestId: newRequestId(AT_MS),
        atMs: AT_MS,
        ...turn,
      }),
    );
  }

  async function begin(scope = newScope(), messages?: readonly ChatMessage[]): Promise<string> {
    const id = newConversationRowId();
    expect(await append({ scope, id, existed: false, ...(messages && { messages }) })).toBe(true);
    return id;
  }

  describe('TurnRepository.recall', () => {
    it('gives nothing where nothing is stored', async () => {
      expect(await conversations.recall(newScope(), 10)).toBeUndefined();
      expect(await conversations.stateOf(newScope())).toBeUndefined();
    });

    it('gives a conversation with its newest messages, oldest first', async () => {
      const scope = newScope();
      const id = await begin(scope, [user('1'), assistant('2')]);
      await append({ scope, id, messages: [user('3'), assistant('4')], atMs: AT_MS + 5 });
      const all = await conversations.recall(scope, 10);
      expect(all?.conversation).toEqual({
        id,
        accountId: 'acct_1',
        chatbotId: 'bot_1',
        clientId: scope.clientId,
        model: 'bot_1',
        head: { chain: chainOf([user('1'), assistant('2'), user('3'), assistant('4')]) },
        messageCount: 4,
        turnCount: 2,
        version: 2,
        createdAtMs: AT_MS,
        updatedAtMs: AT_MS + 5,
      });
      expect(all?.cut).toBe(false);
      expect(all?.messages.map(({ seq, turn, message }) => [seq, turn, message.content])).toEqual([
        [1, 1, '1'],
        [2, 1, '2'],
        [3, 2, '3'],
        [4, 2, '4'],
      ]);
      const some = await conversations.recall(scope, 3);
      expect(some?.messages.map(({ seq }) => seq)).toEqual([2, 3, 4]);
      expect(await conversations.stateOf(scope)).toEqual({ id, version: 2 });
    });

    it('says where it gives fewer than are wanted, since those between were deleted', async () => {
      const scope = newScope();
      const id = await begin(scope, [user('1'), assistant('2')]);
      for (let again = 0; again < 30; again += 1) {
        await append({ scope, id, departsAfterSeq: 2, messages: [user('3'), assistant(`try ${again}`)] });
      }
      const two = await conversations.recall(scope, 2);
      expect(two).toMatchObject({ cut: false, messages: [{ seq: 61 }, { seq: 62 }] });
      expect(await conversations.recall(scope, 3)).toMatchObject({ cut: true, messages: two?.messages });
    });
  });

  describe('ConversationRepository', () => {
    it('makes, finds, changes and erases a conversation', async () => {
      const made = await records.create({ accountId: 'acct_2', messages: [user('x')], atMs: AT_MS });
      expect(await records.find('acct_2', made.id)).toEqual(made);
      expect(await records.find('acct_1', made.id)).toBeUndefined();
      const named = await records.changeHead('acct_2', made.id, { title: 'T', metadata: { a: 'b' } });
      expect(named?.head).toMatchObject({ title: 'T', metadata: { a: 'b' } });
      const [added] = (await records.addMessages('acct_2', made.id, [assistant('y')], AT_MS)) ?? [];
      expect(added?.message).toEqual(assistant('y'));
      expect((await records.find('acct_2', made.id))?.head.chain).toBe(chainOf([user('x'), assistant('y')]));
      expect(await erasure.erase('acct_1', made.id, 'conversation')).toBe(false);
      expect(await erasure.erase('acct_2', made.id, 'completion')).toBe(false);
      expect(await erasure.erase('acct_2', made.id, 'conversation')).toBe(true);
      expect(await records.find('acct_2', made.id)).toBeUndefined();
      expect((await stored.list(made.id, { order: 'asc', limit: 10 })).rows).toEqual([]);
    });
  });
});

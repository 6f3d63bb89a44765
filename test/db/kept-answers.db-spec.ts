import { beforeEach, expect, it, jest } from '@jest/globals';
import { sql } from 'kysely';
import { newConversationRowId } from '../../src/common/ids/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';

const MIB = 1024 * 1024;
/** What one transaction may erase: an embedded database does nothing else meanwhile. */
const MOST = 4 * MIB;
const LARGE = 3 * MIB;
const COUNT = 5;

eachDatabase((_, open) => {
  let database: Database;
  let repositories: ConversationRepositories;
  let erased: number[];

  beforeEach(async () => {
    database = await open();
    repositories = conversationRepositories(database);
    erased = [];
    const deleting = database.deleting.bind(database);
    jest.spyOn(database, 'deleting').mockImplementation(async (work) => {
      const before = await storedBytes(database);
      const result = await deleting(work);
      erased.push(before - (await storedBytes(database)));
      return result;
    });
  });

  async function keep(key: string, conversationId: string | undefined, bytes: number): Promise<void> {
    const name = { accountId: 'acct_1', idempotencyKey: key, requestId: `req_${key}` };
    await repositories.answers.insert({ ...name, fingerprint: 'a'.repeat(64), owner: 'p', createdAtMs: 1 });
    const body = 'x'.repeat(bytes);
    await inTransaction(database.kysely, (trx) =>
      repositories.answers.keep(trx, name, { body, conversationId }),
    );
  }

  function expectSlices(): void {
    const largest = Math.max(...erased);
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThanOrEqual(MOST);
  }

  it('forgets large answers a few at a time, and all that are due', async () => {
    for (let n = 0; n < COUNT; n += 1) await keep(`k${n}`, undefined, LARGE);
    for (let n = 0; n < 120; n += 1) await keep(`small ${n}`, undefined, 10);
    expect(await repositories.answers.removeOlderThan(2)).toBe(COUNT + 120);
    expectSlices();
    expect(await storedBytes(database)).toBe(0);
    // One that is longer than a slice goes by itself.
    await keep('longest', undefined, 8 * MIB);
    expect(await repositories.answers.removeOlderThan(2)).toBe(1);
  });

  it('erases the large answers of an account a few at a time', async () => {
    for (let n = 0; n < COUNT; n += 1) await keep(`k${n}`, undefined, LARGE);
    expect(await repositories.erasure.deleteAll('acct_1')).toEqual({ deleted: 0, answers: COUNT });
    expectSlices();
    expect(await storedBytes(database)).toBe(0);
  });

  it('erases a conversation with many large answers and messages a few at a time', async () => {
    const id = newConversationRowId();
    const scope = { accountId: 'acct_1', chatbotId: 'bot_1', clientId: 'mine' };
    for (let n = 0; n < COUNT; n += 1) {
      const turn = { scope, id, existed: n > 0, requestId: `req_k${n}`, model: 'bot_1', atMs: 1 };
      const content = 'y'.repeat(LARGE / 2);
      await inTransaction(database.kysely, (trx) =>
        repositories.conversations.appendTurn(trx, { ...turn, messages: [{ role: 'user', content }] }),
      );
      await keep(`k${n}`, n % 2 === 0 ? 'mine' : id, LARGE);
    }
    await keep('of another', 'other', 10);
    expect(await repositories.erasure.erase('acct_1', id, 'conversation')).toBe(true);
    expectSlices();
    expect(await storedBytes(database)).toBe(10);
    expect(await repositories.erasure.erase('acct_1', id, 'conversation')).toBe(false);
  });
});

async function storedBytes({ kysely }: Database): Promise<number> {
  const { rows } = await sql<{ bytes: number | bigint | null }>`
    select (select coalesce(sum(octet_length(body)), 0) from idempotency_records)
      + (select coalesce(sum(octet_length(body)), 0) from conversation_messages) as bytes`.execute(kysely);
  return Number(rows[0]?.bytes ?? 0);
}

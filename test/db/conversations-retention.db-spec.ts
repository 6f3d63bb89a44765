import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AccountRepository } from '../../src/auth/account.repository.js';
import {
  newChatCompletionId,
  newConversationRowId,
  newRequestId,
  newRowId,
} from '../../src/common/ids/ids.js';
import { HoldRepository } from '../../src/billing/hold.repository.js';
import { ErasureRepository } from '../../src/conversations/erasure.repository.js';
import { exclusiveNameOf } from '../../src/conversations/exclusive-name.js';
import { RetentionService } from '../../src/conversations/retention.service.js';
import type { Database } from '../../src/persistence/database.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Both clocks, and one that is set ahead by mistake. */
class LeapingClock extends ManualClock {
  aheadMs = 0;

  override nowMs(): number {
    return super.nowMs() + this.aheadMs;
  }
}

beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(['error', 'warn', 'log']));

eachDatabase((_kind, open) => {
  let database: Database;
  let accounts: AccountRepository;
  let conversations: ConversationRepositories['conversations'];
  let stored: ConversationRepositories['messages'];
  let completions: ConversationRepositories['completions'];
  let erasure: ErasureRepository;
  let clock: LeapingClock;
  let service: RetentionService;

  beforeAll(async () => {
    database = await open();
    accounts = new AccountRepository(database);
    ({ conversations, messages: stored, completions, erasure } = conversationRepositories(database));
  });

  beforeEach(() => {
    clock = new LeapingClock();
    service = new RetentionService(accounts, erasure, clock);
  });
  afterEach(() => service.onApplicationShutdown());

  async function account(conversationRetentionDays?: number): Promise<string> {
    const id = newRowId('acct');
    await accounts.insert({ id, name: 'a', createdAtMs: clock.nowMs(), conversationRetentionDays });
    return id;
  }

  /** A conversation, or one more turn of it. */
  async function turn(accountId: string, id = newConversationRowId(), existed = false): Promise<string> {
    const atMs = clock.nowMs();
    await inTransaction(database.kysely, (trx) =>
      conversations.appendTurn(trx, {
        scope: { accountId, chatbotId: 'bot_1', clientId: id },
        id,
        existed,
        model: 'bot_1',
        messages: [
          { role: 'user', content: 'x' },
          { role: 'assistant', content: 'y' },
        ],
        requestId: newRequestId(atMs),
        atMs,
      }),
    );
    return id;
  }

  async function completion(accountId: string): Promise<string> {
    const [id, createdAtMs] = [newChatCompletionId(), clock.nowMs()];
    const requestId = newRequestId(createdAtMs);
    await inTransaction(database.kysely, (trx) =>
      completions.store(trx, {
        id,
        accountId,
        model: 'm',
        metadata: {},
        answer: '{}',
        requestId,
        createdAtMs,
        messages: [],
      }),
    );
    return id;
  }

  async function idsOf(accountId: string): Promise<string[]> {
    const rows = await database.kysely
      .selectFrom('conversations')
      .select('id')
      .where('account_id', '=', accountId)
      .execute();
    return rows.map(({ id }) => id).sort();
  }

  it('keeps everything of an account that says nothing', async () => {
    const id = await account();
    const kept = [await turn(id), await completion(id)].sort();
    clock.pass(10_000 * DAY_MS);
    await service.sweep();
    expect(await idsOf(id)).toEqual(kept);
  });

  it('erases what has not changed for as many days as the account says, and nothing a moment sooner', async () => {
    const [week, month] = [await account(7), await account(30)];
    const quiet = await turn(week);
    await completion(week);
    const monthly = await turn(month);
    const active = await turn(week);
    clock.pass(DAY_MS);
    await turn(week, active, true);
    clock.pass(6 * DAY_MS);
    await service.sweep();
    expect(await idsOf(week)).toHaveLength(3);
    clock.pass(1);
    await service.sweep();
    expect(await idsOf(week)).toEqual([active]);
    expect((await stored.list(quiet, { order: 'asc', limit: 10 })).rows).toEqual([]);
    expect((await stored.list(active, { order: 'asc', limit: 10 })).rows).toHaveLength(4);
    clock.pass(DAY_MS);
    await service.sweep();
    expect(await idsOf(week)).toEqual([]);
    expect(await idsOf(month)).toEqual([monthly]);
  });

  it('leaves a conversation whose next turn is under way, until that has ended without being stored', async () => {
    const id = await account(7);
    const talking = await turn(id);
    await turn(id);
    clock.pass(8 * DAY_MS);
    const requestId = newRequestId(clock.nowMs());
    const holds = new HoldRepository(database);
    await holds.insertMany(database.kysely, [
      {
        requestId,
        accountId: id,
        keyId: 'key_1',
        amountHundredths: 1n,
        state: 'open',
        owner: 'p',
        relayedTokens: 0,
        facts: '{}',
        openedAtMs: clock.nowMs(),
        budgetWindow: undefined,
        exclusiveName: exclusiveNameOf({ chatbotId: 'bot_1', clientId: talking }),
      },
    ]);
    await service.sweep();
    expect(await idsOf(id)).toEqual([talking]);
    await inTransaction(database.kysely, (trx) => holds.close(trx, [requestId], 'released'));
    await service.sweep();
    expect(await idsOf(id)).toEqual([]);
  });

  it('erases all of an account that stores nothing', async () => {
    const id = await account();
    for (let n = 0; n < 45; n++) await turn(id);
    await completion(id);
    await accounts.update(id, { conversationRetentionDays: 0 }, undefined);
    await service.sweep();
    expect(await idsOf(id)).toEqual([]);
  });

  it('erases nothing early when the clock leaps ahead and comes back', async () => {
    const id = await account(1);
    const kept = await turn(id);
    await service.sweep();
    clock.aheadMs = 300 * DAY_MS;
    for (let sweep = 0; sweep < 6; sweep++) {
      clock.pass(600_000);
      await service.sweep();
    }
    expect(await idsOf(id)).toEqual([kept]);
    clock.aheadMs = 0;
    clock.pass(600_000);
    await service.sweep();
    expect(await idsOf(id)).toEqual([kept]);
    clock.pass(DAY_MS);
    await service.sweep();
    expect(await idsOf(id)).toEqual([]);
  });

  it('goes through all accounts, and survives a database that fails', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 230; n++) ids.push(await account(1));
    const last = ids.toSorted().at(-1) ?? '';
    await turn(last);
    clock.pass(2 * DAY_MS);
    const broken = {
      deleteUnchanged: () => Promise.reject(new Error('down')),
    } as unknown as ErasureRepository;
    const failing = new RetentionService(accounts, broken, clock);
    await failing.sweep();
    failing.onApplicationShutdown();
    expect(await idsOf(last)).toHaveLength(1);
    await service.sweep();
    expect(await idsOf(last)).toEqual([]);
  });
});

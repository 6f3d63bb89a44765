import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import {
  newChatCompletionId,
  newConversationRowId,
  newRequestId,
  newRowId,
} from '../../src/common/ids/ids.js';
import type { Clock } from '../../src/common/clock/clock.js';
import { LedgerPagesRepository } from '../../src/billing/ledger-pages.repository.js';
import { LedgerRepository } from '../../src/billing/ledger.repository.js';
import { HoldRepository } from '../../src/billing/hold.repository.js';
import { ErasureRepository } from '../../src/conversations/erasure.repository.js';
import { exclusiveNameOf } from '../../src/conversations/exclusive-name.js';
import {
  RETENTION_TIME_SETTING,
  RetentionClockService,
} from '../../src/conversations/retention-clock.service.js';
import { RetentionService } from '../../src/conversations/retention.service.js';
import type { Database } from '../../src/persistence/database.js';
import { SettingsRepository } from '../../src/persistence/settings.repository.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import {
  conversationRepositories,
  type ConversationRepositories,
} from '../support/conversation-repositories.js';
import { eachDatabase } from '../support/databases.js';
import { ManualClock } from '../support/manual-clock.js';

const DAY_MS = 24 * 60 * 60 * 1000;
const YEAR_MS = 365 * DAY_MS;

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
    service = start();
  });
  afterEach(() => service.onApplicationShutdown());

  /** A process that begins now, by the clock that there is. */
  function start(by: Clock = clock, erases = erasure): RetentionService {
    const time = new RetentionClockService(
      new SettingsRepository(database),
      new LedgerPagesRepository(database),
      by,
    );
    return new RetentionService(accounts, erases, time);
  }

  /** Sweeps every ten minutes. */
  async function sweepFor(hours: number, process = service): Promise<void> {
    for (let sweep = 0; sweep < hours * 6; sweep++) {
      clock.pass(600_000);
      await process.sweep();
    }
  }

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

  it('erases nothing early in processes that start with a clock years ahead, one after another', async () => {
    const id = await account(2);
    const kept = await turn(id);
    await service.sweep();
    clock.aheadMs = 10 * YEAR_MS;
    for (let life = 0; life < 10; life++) {
      const process = start();
      await sweepFor(0.5, process);
      process.onApplicationShutdown();
    }
    // Five hours in thirty sweeps, each of which may be an hour ahead: it has two days.
    clock.aheadMs = 0;
    const right = start();
    await right.sweep();
    right.onApplicationShutdown();
    expect(await idsOf(id)).toEqual([kept]);
  });

  it('knows before its first sweep of all when the last charge was, whatever the clock says', async () => {
    const id = await account(7);
    const kept = await turn(id);
    await database.kysely.deleteFrom('settings').where('key', '=', RETENTION_TIME_SETTING).execute();
    const ledger = new LedgerRepository(database);
    const entry = (createdAtMs: number) => ({
      accountId: id,
      keyId: undefined,
      type: 'purchase' as const,
      amountHundredths: 1n,
      requestId: undefined,
      idempotencyKey: undefined,
      reason: undefined,
      priceVersion: undefined,
      usageSource: undefined,
      createdAtMs,
    });
    await ledger.add(database.kysely, [entry(clock.nowMs())]);
    clock.aheadMs = 10 * YEAR_MS;
    const process = start();
    // What this process itself writes is no witness for its clock.
    await ledger.add(database.kysely, [entry(clock.nowMs())]);
    await sweepFor(6, process);
    process.onApplicationShutdown();
    expect(await idsOf(id)).toEqual([kept]);
  });

  it('has erased within a day what fell due while there was no process for a month', async () => {
    const id = await account(20);
    await turn(id);
    await service.sweep();
    clock.pass(30 * DAY_MS);
    const recent = await turn(id);
    const process = start();
    await sweepFor(11, process);
    expect(await idsOf(id)).toHaveLength(2);
    await sweepFor(2, process);
    expect(await idsOf(id)).toEqual([recent]);
    process.onApplicationShutdown();
  });

  it('believes no clock that another process contradicts, or that is set again, however long', async () => {
    const id = await account(7);
    const kept = await turn(id);
    await service.sweep();
    const wrong = new LeapingClock();
    wrong.aheadMs = 10 * YEAR_MS;
    const process = start(wrong);
    for (let sweep = 0; sweep < 14 * 6; sweep++) {
      clock.pass(600_000);
      wrong.pass(600_000);
      await service.sweep();
      await process.sweep();
    }
    expect(await idsOf(id)).toEqual([kept]);
    for (let sweep = 0; sweep < 14 * 6; sweep++) {
      wrong.pass(600_000);
      if (sweep % 60 === 59) wrong.aheadMs += YEAR_MS;
      await process.sweep();
    }
    expect(await idsOf(id)).toEqual([kept]);
    process.onApplicationShutdown();
  });

  it('goes through all accounts, and survives a database that fails', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 230; n++) ids.push(await account(1));
    const last = ids.toSorted().at(-1) ?? '';
    await turn(last);
    clock.pass(2 * DAY_MS);
    const broken = {
      finishErasures: () => Promise.resolve(0),
      deleteUnchanged: () => Promise.reject(new Error('down')),
    } as unknown as ErasureRepository;
    const failing = start(clock, broken);
    await failing.sweep();
    failing.onApplicationShutdown();
    expect(await idsOf(last)).toHaveLength(1);
    await service.sweep();
    expect(await idsOf(last)).toEqual([]);
  });
});

import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { sql, type RawBuilder } from 'kysely';
import { verifyLedger } from '../../src/billing/ledger-verify.js';
import { LedgerVerificationService } from '../../src/billing/ledger-verification.service.js';
import { UsageReportRepository, type UsageGroup } from '../../src/billing/usage-report.repository.js';
import type { Database } from '../../src/persistence/database.js';
import { eachDatabase } from '../support/databases.js';

const REQUESTS = 40;
const DAY_MS = 86_400_000;

/** Forty settled requests of two accounts, one open hold, a budget; all adds up. */
async function fill(database: Database): Promise<void> {
  const db = database.kysely;
  const numbers = sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < ${sql.lit(REQUESTS)})`;
  const account = sql`'acct_' || (i % 2)`;
  const run = (query: RawBuilder<unknown>) => query.execute(db);
  for (const id of ['acct_0', 'acct_1']) {
    await run(sql`insert into accounts (id, name, created_at_ms) values (${id}, ${id}, 1)`);
    await run(sql`insert into account_balances values (${id}, 1000 - 20 * 3, 0)`);
    await run(sql`insert into ledger_entries (id, account_id, type, amount_hundredths, created_at_ms)
      values (${`le_000_${id}`}, ${id}, 'grant', 1000, 1)`);
  }
  await run(sql`insert into api_keys (id, account_id, name, secret_sha256, display_prefix, created_at_ms)
    values ('key_0', 'acct_0', 'key', ${'0'.repeat(64)}, 'sk', 1)`);
  await run(sql`${numbers} insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner,
      relayed_tokens, facts, opened_at_ms, budget_window)
    select 'req_' || (100 + i), ${account}, 'key_' || (i % 2), 5, 'settled', 'p', 0, '{}', 1,
      case when i % 2 = 0 then 'total' end from n`);
  await run(sql`${numbers} insert into ledger_entries (id, account_id, type, amount_hundredths, request_id, created_at_ms)
    select 'le_' || (100 + i), ${account}, 'settlement', -3, 'req_' || (100 + i), 1 from n`);
  await run(sql`${numbers} insert into usage_records (request_id, account_id, key_id, surface, endpoint, model, upstream,
      upstream_model, streamed, outcome, prompt_tokens, cached_prompt_tokens, completion_tokens, reasoning_tokens,
      usage_source, price_version, cost_nano_usd, credit_hundredths, created_at_ms, duration_ms)
    select 'req_' || (100 + i), ${account}, 'key_' || (i % 2), 'waterflai', 'chat', 'm' || (i % 3), 'u', 'um', false,
      'completed', i, 0, 2, 0, 'upstream', 'v1', 7, 3, cast(i as bigint) / 10 * ${sql.lit(DAY_MS)} + 5, 1 from n`);
  await run(sql`insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner, relayed_tokens, facts,
      opened_at_ms, budget_window) values ('req_open', 'acct_0', 'key_0', 4, 'open', 'p', 0, '{}', 1, 'total')`);
  await run(sql`update account_balances set held_hundredths = 4 where account_id = 'acct_0'`);
  await run(sql`insert into key_budgets values ('key_0', 'total', 1000, 60, 4)`);
}

eachDatabase((_kind, open) => {
  describe('the ledger, verified in parts', () => {
    let database: Database;
    beforeAll(async () => {
      database = await open();
      await fill(database);
    });

    it.each([1, 3, 7, 50_000])('adds up, %i rows at a time', async (rows) => {
      expect(await verifyLedger(database.reports, rows)).toEqual([]);
    });

    it.each([1, 3, 7, 50_000])('tells whatever does not add up, %i rows at a time', async (rows) => {
      const { kysely } = database;
      const rollback = new Error('as before');
      // Only the connection that has done it sees it.
      const wrong = kysely.transaction().execute(async (trx) => {
        await sql`update account_balances set balance_hundredths = 939 where account_id = 'acct_1'`.execute(
          trx,
        );
        await sql`update account_balances set held_hundredths = 5 where account_id = 'acct_0'`.execute(trx);
        await sql`update holds set state = 'released' where request_id = 'req_101'`.execute(trx);
        await sql`update holds set amount_hundredths = 2 where request_id = 'req_103'`.execute(trx);
        await sql`delete from holds where request_id = 'req_105'`.execute(trx);
        await sql`update usage_records set credit_hundredths = 9 where request_id = 'req_140'`.execute(trx);
        await sql`insert into holds (request_id, account_id, key_id, amount_hundredths, state, owner, relayed_tokens, facts,
          opened_at_ms) values ('req_zzz', 'acct_1', 'key_1', 1, 'settled', 'p', 0, '{}', 1)`.execute(trx);
        await sql`update key_budgets set spent_hundredths = 61`.execute(trx);
        const begun = { transaction: () => asBegun(trx) } as unknown as Database['reports'];
        const told = await verifyLedger(begun, rows);
        expect(told.map((one) => [one.invariant, one.accountId, one.requestId, one.message])).toEqual([
          ['I1', 'acct_1', undefined, 'balance 939, entries 940'],
          ['I2', 'acct_0', undefined, 'held 5, open holds 4, balance 940'],
          ['I3', 'acct_1', 'req_101', 'settlement on a hold that is released or too small'],
          ['I4', 'acct_1', 'req_103', 'settlement on a hold that is settled or too small'],
          ['I3', 'acct_1', 'req_105', 'settlement on a hold that is missing or too small'],
          ['I3', 'acct_1', 'req_zzz', 'hold settled without an entry'],
          ['I5', 'acct_0', 'req_140', 'usage row and settlement name different credits'],
          ['I1', 'acct_0', undefined, 'budget total of key_0: spent 61, settlements 60'],
        ]);
        throw rollback;
      });
      await expect(wrong).rejects.toBe(rollback);
    });

    it('is of one moment, whatever is charged between two parts', async () => {
      const charge = async (): Promise<void> => {
        await database.kysely.transaction().execute(async (trx) => {
          await sql`update account_balances set balance_hundredths = balance_hundredths + 1 where account_id = 'acct_1'`.execute(
            trx,
          );
          await sql`insert into ledger_entries (id, account_id, type, amount_hundredths, created_at_ms)
            values (${`le_9${(charges += 1) + 1000}`}, 'acct_1', 'grant', 1, 1)`.execute(trx);
        });
      };
      let charges = 0;
      const state = { verified: false };
      const verifying = verifyLedger(database.reports, 1).finally(() => {
        state.verified = true;
      });
      for (; !state.verified; await nextTurn()) await charge();
      expect(await verifying).toEqual([]);
      expect(charges).toBeGreaterThan(5);
      expect(await verifyLedger(database.reports)).toEqual([]);
    });

    it('is verified once for all who ask while another is verified', async () => {
      let begun = 0;
      const counting = {
        get reports() {
          begun += 1;
          return database.reports;
        },
      } as Database;
      const service = new LedgerVerificationService(counting);
      const first = service.verify();
      await Promise.resolve();
      const others = [service.verify(), service.verify(), service.verify()];
      expect(await Promise.all([first, ...others])).toEqual([[], [], [], []]);
      expect(begun).toBe(2);
    });
  });

  describe('the report of usage, summed up in parts', () => {
    let reports: UsageReportRepository;
    let database: Database;
    beforeAll(async () => {
      database = await open();
      await fill(database);
      reports = new UsageReportRepository(database);
    });

    const everything = { fromMs: 0, toMs: 100 * DAY_MS };

    it.each(['day', 'model', 'key'] as UsageGroup[])(
      'is the same by %s, whatever the parts',
      async (groupBy) => {
        for (const accountId of [undefined, 'acct_0']) {
          const query = { ...everything, accountId, groupBy };
          const whole = await reports.list(query, 100, undefined, 1_000_000);
          expect(whole.reduce((sum, { requests }) => sum + requests, 0n)).toBe(
            accountId === undefined ? 40n : 20n,
          );
          expect(whole.map(({ group }) => group)).toEqual(whole.map(({ group }) => group).toSorted());
          for (const rows of [1, 3, 7])
            expect(await reports.list(query, 100, undefined, rows)).toEqual(whole);
          expect(await reports.list(query, 1, whole[0]?.group, 3)).toEqual(whole.slice(1, 2));
        }
      },
    );

    it('has the requests of its time alone', async () => {
      const query = { accountId: undefined, groupBy: 'day' as const, fromMs: DAY_MS, toMs: 2 * DAY_MS };
      const sum = { requests: 10n, completionTokens: 20n, costNanoUsd: 70n, creditHundredths: 30n };
      const days = [expect.objectContaining({ ...sum, group: '1970-01-02', promptTokens: 145n })];
      expect(await reports.list(query, 100, undefined, 3)).toEqual(days);
      const ofOne = await reports.list({ ...query, accountId: 'acct_1' }, 100, undefined, 3);
      expect(ofOne).toMatchObject([{ group: '1970-01-02', requests: 5n }]);
    });
  });
});

/** A transaction that has been begun, to whoever begins one. */
function asBegun(trx: unknown) {
  const builder = {
    setAccessMode: () => builder,
    setIsolationLevel: () => builder,
    execute: (work: (given: unknown) => Promise<unknown>) => work(trx),
  };
  return builder;
}

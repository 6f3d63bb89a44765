import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import type { BalanceStep, MoneyListener } from '../../src/billing/money-listeners.js';
import { usageOf } from '../../src/billing/reported-usage.js';
import { newRequestId } from '../../src/common/ids/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import { SettingsRepository } from '../../src/persistence/settings.repository.js';
import { createPayer, type Payer } from '../support/crash-accounts.js';
import { eachDatabase } from '../support/databases.js';
import { metadataOf, moneyOn, settlementOf, type Money } from '../support/money.js';

const OPENING_HUNDREDTHS = 10_000n;
const WORKERS = 4;
const ROUNDS = 5;

/** Stores every step that it is told of, in the transaction that makes it. */
function stepKeeper(database: Database): MoneyListener {
  const settings = new SettingsRepository(database);
  const keep = async (
    trx: Parameters<MoneyListener['posted']>[0],
    { beforeHundredths, afterHundredths }: BalanceStep,
  ): Promise<void> => {
    await settings.putIfAbsent(`step_${randomUUID()}`, `${beforeHundredths} ${afterHundredths}`, trx);
  };
  return {
    charged: async (trx, requests) => {
      for (const request of requests) await keep(trx, request);
    },
    posted: keep,
  };
}

async function keptSteps({ kysely }: Database): Promise<{ before: bigint; after: bigint }[]> {
  const rows = await kysely.selectFrom('settings').select('value').where('key', 'like', 'step_%').execute();
  return rows.map(({ value }) => {
    const [before = '', after = ''] = value.split(' ');
    return { before: BigInt(before), after: BigInt(after) };
  });
}

const inOrder = (amounts: readonly bigint[]): bigint[] => amounts.toSorted((a, b) => Number(a - b));

eachDatabase((_kind, open) => {
  it('listeners are told steps that join end to end: of one batch, of one run again, of replicas', async () => {
    const database = await open();
    const payer = await createPayer(database, OPENING_HUNDREDTHS);
    const replicas = [1, 2].map(() => moneyOn(database, new GroupCommit(database)));
    for (const { listeners } of replicas) listeners.add(stepKeeper(database));

    await Promise.all(
      replicas.flatMap((money) => Array.from({ length: WORKERS }, () => manyChanges(money, payer))),
    );

    const steps = await keptSteps(database);
    const { entries } = await database.kysely
      .selectFrom('ledger_entries')
      .select(({ fn }) => fn.countAll<bigint>().as('entries'))
      .executeTakeFirstOrThrow();
    // All but the opening credits, which nobody listened to.
    expect(steps).toHaveLength(Number(entries) - 1);
    const end = (await replicas[0]!.balances.find(payer.accountId))!.balanceHundredths;
    const begins = [...steps.map(({ before }) => before), end];
    const ends = [...steps.map(({ after }) => after), OPENING_HUNDREDTHS];
    expect(inOrder(begins)).toEqual(inOrder(ends));
  });
});

/** Charges, two at a time, with credits that come and go between; now and then a batch has to run again. */
async function manyChanges(money: Money, payer: Payer): Promise<void> {
  for (let round = 0; round < ROUNDS; round += 1) {
    await Promise.all([
      charge(money, payer, round % 2 === 0),
      charge(money, payer, false),
      post(money, payer),
    ]);
  }
}

async function charge({ holds, settlements }: Money, payer: Payer, failsOnce: boolean): Promise<void> {
  const request = { requestId: newRequestId(Date.now()), accountId: payer.accountId, keyId: payer.keyId };
  const metadata = metadataOf(request, 1);
  await holds.open({ metadata, amountHundredths: 10n, leastHundredths: 10n });
  let fails = failsOnce;
  const alongside = async (): Promise<void> => {
    if (!fails) return;
    fails = false;
    throw new Error('undoes the batch');
  };
  const settlement = settlementOf(request, { usage: usageOf(3, 4), alongside });
  // A batch of one is not run again by itself.
  await settlements.settle(settlement).catch(() => settlements.settle(settlement));
}

async function post({ ledger }: Money, { accountId }: Payer): Promise<void> {
  const posting = { accountId, reason: undefined, idempotencyKey: undefined };
  await ledger.post({ ...posting, type: 'purchase', amountHundredths: 30n });
  await ledger.post({ ...posting, type: 'correction', amountHundredths: -20n });
}

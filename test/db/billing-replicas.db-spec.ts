import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { newRequestId } from '../../src/common/ids/ids.js';
import { usageOf } from '../../src/billing/reported-usage.js';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';
import { createPayer, type Payer } from '../support/crash-accounts.js';
import { onPostgres } from '../support/databases.js';
import { brokenInvariants } from '../support/invariants.js';
import { metadataOf, moneyOn, settlementOf, type Money } from '../support/money.js';

const ACCOUNTS = 6;
const REQUESTS = 150;

onPostgres((newDatabaseUrl) => {
  it('D5: replicas whose batches mix holds and settlements of the same accounts never deadlock', async () => {
    const url = await newDatabaseUrl();
    const databases = [await PostgresDatabase.open({ url }), await PostgresDatabase.open({ url })];
    const [first] = databases as [PostgresDatabase, PostgresDatabase];
    const payers: Payer[] = [];
    for (let i = 0; i < ACCOUNTS; i += 1) payers.push(await createPayer(first, 1_000_000n));

    const serve = async ({ holds, settlements }: Money): Promise<void> => {
      const { accountId, keyId } = payers[Math.floor(Math.random() * ACCOUNTS)]!;
      const request = { requestId: newRequestId(Date.now()), accountId, keyId };
      const metadata = metadataOf(request, 1);
      await holds.open({ metadata, amountHundredths: 100n, leastHundredths: 100n });
      // Apart, so that batches mix.
      await pause(Math.random() * 5);
      await holds.extend({
        requestId: request.requestId,
        accountId,
        wantedHundredths: 150n,
        neededHundredths: 150n,
      });
      await pause(Math.random() * 5);
      await settlements.settle(settlementOf(request, { usage: usageOf(40, 60) }));
    };
    await Promise.all(
      databases.map(async (database) => {
        const money = moneyOn(database, new GroupCommit(database));
        const worker = async (): Promise<void> => {
          for (let i = 0; i < REQUESTS / 10; i += 1) await serve(money);
        };
        await Promise.all(Array.from({ length: 10 }, worker));
      }),
    );

    expect(await brokenInvariants(first.kysely)).toEqual([]);
    // Backends report what they have counted when they go.
    for (const database of databases) await database.close();
    const later = await PostgresDatabase.open({ url });
    const { rows } = await sql<{ deadlocks: bigint }>`
      select deadlocks from pg_stat_database where datname = current_database()`.execute(later.kysely);
    await later.close();
    expect(rows).toEqual([{ deadlocks: 0n }]);
  });
});

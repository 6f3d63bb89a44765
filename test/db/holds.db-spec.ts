import { expect, it } from '@jest/globals';
import { newRequestId } from '../../src/common/ids/ids.js';
import type { Database } from '../../src/persistence/database.js';
import { GroupCommit } from '../../src/persistence/group-commit.js';
import { createPayer } from '../support/crash-accounts.js';
import { eachDatabase } from '../support/databases.js';
import { brokenInvariants } from '../support/invariants.js';
import { metadataOf, moneyOn } from '../support/money.js';

/** But for the holds that are still open here. */
async function brokenBooks(database: Database): Promise<string[]> {
  return (await brokenInvariants(database.kysely)).filter((broken) => !broken.startsWith('I3 '));
}

eachDatabase((_kind, open) => {
  it('P2: the progress of thousands of streams is stored as one item of the queue, the newest of each', async () => {
    const database = await open();
    const groupCommit = new GroupCommit(database, { maxPending: 1_500 });
    const { holds } = moneyOn(database, groupCommit);
    const payer = await createPayer(database, 1_000_000n);
    const requestIds = Array.from({ length: 1_200 }, () => newRequestId(Date.now()));
    await Promise.all(
      requestIds.map((requestId) =>
        holds.open({
          metadata: metadataOf({ ...payer, requestId }, 1),
          amountHundredths: 1n,
          leastHundredths: 1n,
        }),
      ),
    );
    for (const tokens of [5, 7]) {
      for (const [index, requestId] of requestIds.entries()) holds.noteProgress(requestId, tokens + index);
    }
    holds.noteProgress('req_of_nobody', 3);
    // Not one of the notes keeps this one from its place in the queue.
    const extended = requestIds.map((requestId) =>
      holds.extend({ ...payer, requestId, wantedHundredths: 2n, neededHundredths: 2n }),
    );
    expect(new Set(await Promise.all(extended))).toEqual(new Set([2n]));
    await groupCommit.drain();
    const rows = await database.kysely.selectFrom('holds').select(['request_id', 'relayed_tokens']).execute();
    const relayed = new Map(rows.map((row) => [row.request_id, row.relayed_tokens]));
    expect(requestIds.map((requestId) => relayed.get(requestId))).toEqual(
      requestIds.map((_, index) => 7 + index),
    );
    expect(await brokenBooks(database)).toEqual([]);
  });

  it('P2: progress is stored again after a time in which it could not be', async () => {
    const database = await open();
    const refusing = new GroupCommit(database, { maxPending: 1 });
    const { holds } = moneyOn(database, refusing);
    const payer = await createPayer(database, 1_000n);
    const requestId = newRequestId(Date.now());
    const metadata = metadataOf({ ...payer, requestId }, 1);
    const opening = holds.open({ metadata, amountHundredths: 1n, leastHundredths: 1n });
    holds.noteProgress(requestId, 1);
    await opening;
    await refusing.drain();
    holds.noteProgress(requestId, 2);
    await refusing.drain();
    const { relayed_tokens } = await database.kysely
      .selectFrom('holds')
      .select('relayed_tokens')
      .executeTakeFirstOrThrow();
    expect(relayed_tokens).toBe(2);
  });

  it('a hold that grows leaves others most of what is available, and gets what it needs', async () => {
    const database = await open();
    const { holds } = moneyOn(database, new GroupCommit(database));
    const payer = await createPayer(database, 900n);
    const requestId = newRequestId(Date.now());
    const metadata = metadataOf({ ...payer, requestId }, 1);
    await holds.open({ metadata, amountHundredths: 100n, leastHundredths: 100n });
    const extend = (neededHundredths: bigint): Promise<bigint> =>
      holds.extend({ ...payer, requestId, wantedHundredths: 2_000n, neededHundredths });
    expect(await extend(80n)).toBe(200n);
    expect(await extend(500n)).toBe(500n);
    expect(await extend(501n)).toBe(562n);
    expect(await extend(2_000n)).toBe(900n);
    expect(await extend(2_000n)).toBe(900n);
    expect(await brokenBooks(database)).toEqual([]);
  });
});

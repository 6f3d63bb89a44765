import { expect, it } from '@jest/globals';
import { sql } from 'kysely';
import { AccountRepository } from '../../src/accounts/account.repository.js';
import { inTransaction } from '../../src/persistence/transaction.js';
import { eachDatabase, onPostgres } from '../support/databases.js';
import { PostgresDatabase } from '../../src/persistence/postgres-database.js';

function withCode(code: string): Error {
  return Object.assign(new Error('the server said no'), { code });
}

eachDatabase((_kind, open) => {
  it.each(['40001', '40P01'])('D5: runs all of it again after %s, and commits once', async (code) => {
    const { kysely } = await open();
    let runs = 0;
    await inTransaction(kysely, async (trx) => {
      await trx
        .insertInto('settings')
        .values({ key: 'k', value: `${++runs}` })
        .execute();
      if (runs < 3) throw withCode(code);
    });
    expect(await kysely.selectFrom('settings').select('value').execute()).toMatchObject([{ value: '3' }]);
  });

  it('D5: gives up after a bounded number of conflicts, as unavailable', async () => {
    const { kysely } = await open();
    let runs = 0;
    const failure = inTransaction(kysely, async () => {
      runs++;
      throw withCode('40001');
    });
    await expect(failure).rejects.toMatchObject({ code: 'storage_unavailable' });
    expect(runs).toBe(6);
  });

  it('D5: goes by the code, not by the words', async () => {
    const { kysely } = await open();
    let runs = 0;
    const failure = inTransaction(kysely, async () => {
      runs++;
      throw new Error('deadlock detected, could not serialize access, 40001');
    });
    await expect(failure).rejects.toThrow('deadlock detected');
    expect(runs).toBe(1);
  });
});

onPostgres((newDatabaseUrl) => {
  it('D5: two transactions that lock the same rows in opposite order both commit', async () => {
    const database = await PostgresDatabase.open({ url: await newDatabaseUrl() });
    const { kysely } = database;
    const accounts = new AccountRepository(database);
    await accounts.insert({ id: 'acct_1', name: '', createdAtMs: 0 });
    await accounts.insert({ id: 'acct_2', name: '', createdAtMs: 0 });

    let first = 0;
    const bothHoldOne = Promise.withResolvers<void>();
    const rename = (order: readonly string[], letter: string) => {
      let met = false;
      return inTransaction(kysely, async (trx) => {
        for (const id of order) {
          await trx
            .updateTable('accounts')
            .set({ name: sql<string>`name || ${letter}` })
            .where('id', '=', id)
            .execute();
          if (met) continue;
          met = true;
          if (++first === 2) bothHoldOne.resolve();
          await bothHoldOne.promise;
        }
      });
    };
    await Promise.all([rename(['acct_1', 'acct_2'], 'a'), rename(['acct_2', 'acct_1'], 'b')]);
    const stored = await Promise.all(['acct_1', 'acct_2'].map((id) => accounts.find(id)));
    expect(stored.map((account) => [...(account?.name ?? '')].sort().join(''))).toEqual(['ab', 'ab']);
    await database.close();
  });
});

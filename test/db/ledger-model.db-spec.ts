import { beforeAll, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { eachDatabase } from '../support/databases.js';
import { brokenInvariants } from '../support/invariants.js';
import { LedgerHistory } from '../support/ledger-history.js';
import { operation } from '../support/ledger-operations.js';
import type { Database } from '../../src/persistence/database.js';

describe('the ledger', () => {
  eachDatabase((kind, open) => {
    let database: Database;
    beforeAll(async () => {
      database = await open();
    });

    it('I7: any history of grants, corrections, holds, extensions, settlements, returns, sweeps and lost acknowledgements gives the balances of a single-threaded model', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { minLength: 5, maxLength: 40 }), async (steps) => {
          const history = await LedgerHistory.begin(database);
          await history.run({ kind: 'post', account: 0, amount: 500n });
          await history.run({ kind: 'post', account: 1, amount: 500n });
          for (const step of steps) await history.run(step);
        }),
        { numRuns: kind === 'sqlite' ? 100 : 20 },
      );
      expect(await brokenInvariants(database.kysely, { working: true })).toEqual([]);
    });
  });
});

import { expect, it } from '@jest/globals';
import { UsageRepository } from '../../src/billing/usage.repository.js';
import { eachDatabase } from '../support/databases.js';
import { usageRecord } from './fixtures/usage-record.js';

const MAX_INT8 = 2n ** 63n - 1n;

eachDatabase((_kind, open) => {
  it('keeps money beyond 2^53 to the last unit', async () => {
    const { kysely, ...database } = await open().then((db) => ({ kysely: db.kysely, db }));
    const usage = new UsageRepository(database.db);
    for (const [requestId, costNanoUsd] of [
      ['req_odd', 2n ** 53n + 1n],
      ['req_max', MAX_INT8],
    ] as const) {
      await usage.insertMany(kysely, [usageRecord({ requestId, costNanoUsd })]);
      expect((await usage.findByRequestId('acct_1', requestId))?.costNanoUsd).toBe(costNanoUsd);
    }
  });

  it('gives bigint for bigint, number for integer, boolean for boolean and null for null', async () => {
    const database = await open();
    const usage = new UsageRepository(database);
    await usage.insertMany(database.kysely, [
      usageRecord({ requestId: 'req_yes', streamed: true, firstTokenMs: undefined }),
      usageRecord({ requestId: 'req_no', streamed: false }),
    ]);
    const rows = await database.kysely
      .selectFrom('usage_records')
      .select(['cost_nano_usd', 'prompt_tokens', 'streamed', 'first_token_ms'])
      .orderBy('request_id', 'desc')
      .execute();
    expect(rows.map((row) => ({ ...row }))).toEqual([
      { cost_nano_usd: 1_244_100n, prompt_tokens: 120, streamed: true, first_token_ms: null },
      { cost_nano_usd: 1_244_100n, prompt_tokens: 120, streamed: false, first_token_ms: 31 },
    ]);
    const returned = await database.kysely
      .updateTable('usage_records')
      .set({ duration_ms: 7 })
      .where('streamed', '=', false)
      .returning(['cost_nano_usd', 'duration_ms', 'streamed'])
      .executeTakeFirstOrThrow();
    expect({ ...returned }).toEqual({ cost_nano_usd: 1_244_100n, duration_ms: 7, streamed: false });
  });

  it('counts and sums in bigint', async () => {
    const database = await open();
    const usage = new UsageRepository(database);
    await usage.insertMany(database.kysely, [
      usageRecord({ requestId: 'req_1', costNanoUsd: 2n ** 60n }),
      usageRecord({ requestId: 'req_2', costNanoUsd: 2n ** 60n + 1n }),
    ]);
    const row = await database.kysely
      .selectFrom('usage_records')
      .select(({ fn }) => [
        fn.countAll().as('count'),
        fn.sum('cost_nano_usd').as('cost'),
        fn.sum('prompt_tokens').as('tokens'),
      ])
      .executeTakeFirstOrThrow();
    expect({ ...row }).toEqual({ count: 2n, cost: 2n ** 61n + 1n, tokens: 240n });
  });

  it.each([
    ['negative tokens', { promptTokens: -1 }],
    ['negative money', { creditHundredths: -1n }],
    ['an unknown endpoint', { endpoint: 'embeddings' as 'chat' }],
    ['an unknown source of usage', { usageSource: 'guessed' as 'counted' }],
  ])('refuses %s', async (_name, overrides) => {
    const database = await open();
    const usage = new UsageRepository(database);
    await expect(usage.insertMany(database.kysely, [usageRecord(overrides)])).rejects.toThrow(/constraint/);
  });
});

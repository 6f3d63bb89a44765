import { expect, it } from '@jest/globals';
import type { Kysely } from 'kysely';
import { CompiledForList, CompiledOnce, slot } from '../../src/persistence/compiled-once.js';
import type { Tables } from '../../src/persistence/tables.js';
import { eachDatabase } from '../support/databases.js';

eachDatabase((_kind, open) => {
  it('fills the slots of a query anew at each run, in their order, and leaves its own values as they are', async () => {
    const { kysely } = await open();
    await addKeys(kysely, ['a', 'b']);
    const change = new CompiledOnce((db) =>
      db
        .updateTable('settings')
        .set({ value: slot<string>() })
        .where('key', '=', slot<string>())
        .where('value', '=', 'new'),
    );
    await change.execute(kysely, ['first', 'a']);
    await change.execute(kysely, ['second', 'b']);
    await change.execute(kysely, ['third', 'a']);
    expect(await valuesOf(kysely)).toEqual(['first', 'second']);
  });

  it('finds what a list names, each once, whatever its length', async () => {
    const { kysely } = await open();
    const keys = Array.from({ length: 9 }, (_, index) => `k${index}`);
    await addKeys(kysely, keys);
    const find = new CompiledForList((db, list) =>
      db.selectFrom('settings').select('key').where('key', 'in', list).orderBy('key'),
    );
    for (const length of [1, 2, 3, 5, 8, 9, 3, 1]) {
      const wanted = keys.slice(-length);
      const rows = await find.execute(kysely, wanted);
      expect(rows.map(({ key }) => key)).toEqual(wanted);
    }
  });
});

async function addKeys(kysely: Kysely<Tables>, keys: readonly string[]): Promise<void> {
  await kysely.deleteFrom('settings').execute();
  await kysely
    .insertInto('settings')
    .values(keys.map((key) => ({ key, value: 'new' })))
    .execute();
}

async function valuesOf(kysely: Kysely<Tables>): Promise<string[]> {
  const rows = await kysely.selectFrom('settings').select('value').orderBy('key').execute();
  return rows.map(({ value }) => value);
}

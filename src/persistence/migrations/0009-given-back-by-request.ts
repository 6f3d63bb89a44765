import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Settlements are found by their request already; what was given back of one is, too, and goes back to the key's budget. */
export const givenBackByRequest: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create index ledger_entries_given_back on ledger_entries (request_id)
      where type = 'correction' and request_id is not null`.execute(db);
    await sql`
      update key_budgets set spent_hundredths = spent_hundredths - coalesce((
        select cast(sum(e.amount_hundredths) as bigint)
        from ledger_entries e join holds h on h.request_id = e.request_id
        where e.type = 'correction' and h.key_id = key_budgets.key_id
          and h.budget_window = key_budgets.budget_window), 0)`.execute(db);
  },
};

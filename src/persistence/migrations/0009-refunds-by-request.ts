import { sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** Settlements are found by their request already; what was given back of one is, too. */
export const refundsByRequest: Migration = {
  async up(db: Kysely<unknown>) {
    await sql`
      create index ledger_entries_refunds on ledger_entries (request_id)
      where type = 'correction' and request_id is not null`.execute(db);
  },
};

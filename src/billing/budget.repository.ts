import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import { BudgetTally, type BudgetPlace, type BudgetState } from './budget-tally.js';

/**
 * What keys with a budget have spent and held, by period. A key is of one account, and whoever changes these rows has
 * locked the balance of that account first: they need no lock of their own.
 */
@Injectable()
export class BudgetRepository {
  constructor(private readonly database: Database) {}

  /** The budgets at these places, ready to be taken from. Asks the database only where there is a place. */
  async tally(trx: Kysely<Tables>, places: readonly BudgetPlace[]): Promise<BudgetTally> {
    if (places.length === 0) return new BudgetTally([]);
    const rows = await trx
      .selectFrom('key_budgets')
      .select(['key_id', 'budget_window', 'limit_hundredths', 'spent_hundredths', 'held_hundredths'])
      .where('key_id', 'in', [...new Set(places.map(({ keyId }) => keyId))])
      .where('budget_window', 'in', [...new Set(places.map(({ window }) => window))])
      .execute();
    return new BudgetTally(
      rows.map((row) => ({
        keyId: row.key_id,
        window: row.budget_window,
        limitHundredths: row.limit_hundredths,
        spentHundredths: row.spent_hundredths,
        heldHundredths: row.held_hundredths,
      })),
    );
  }

  /** @throws when more would be spent and held than the limit: the check of the table */
  async save(trx: Kysely<Tables>, tally: BudgetTally): Promise<void> {
    const states = tally.changed();
    if (states.length === 0) return;
    await trx
      .insertInto('key_budgets')
      .values(
        states.map((state) => ({
          key_id: state.keyId,
          budget_window: state.window,
          limit_hundredths: state.limitHundredths,
          spent_hundredths: state.spentHundredths,
          held_hundredths: state.heldHundredths,
        })),
      )
      .onConflict((conflict) =>
        conflict.columns(['key_id', 'budget_window']).doUpdateSet({
          limit_hundredths: sql`excluded.limit_hundredths`,
          spent_hundredths: sql`excluded.spent_hundredths`,
          held_hundredths: sql`excluded.held_hundredths`,
        }),
      )
      .execute();
  }

  /** For reading only: what each of these places has spent and held; absent: nothing yet. */
  async list(places: readonly BudgetPlace[]): Promise<(BudgetState | undefined)[]> {
    const tally = await this.tally(this.database.kysely, places);
    return places.map((place) => tally.find(place));
  }
}

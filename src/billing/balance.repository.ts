import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { CompiledForList, CompiledOnce, slot } from '../persistence/compiled-once.js';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';

/** Hundredths of a credit. `available` is what a new hold may take. */
export interface Balance {
  readonly balanceHundredths: bigint;
  readonly heldHundredths: bigint;
}

/** By how much to change an account's two sums. */
export interface BalanceChange {
  readonly accountId: string;
  readonly balanceHundredths: bigint;
  readonly heldHundredths: bigint;
}

@Injectable()
export class BalanceRepository {
  readonly #lock = new CompiledForList((db, accountIds) =>
    db
      .selectFrom('account_balances')
      .select(['account_id', 'balance_hundredths', 'held_hundredths'])
      .where('account_id', 'in', accountIds)
      .orderBy('account_id')
      // SQLite's one writer holds the whole database; it knows no row locks and needs none.
      .$if(this.database.kind === 'postgres', (query) => query.forUpdate()),
  );
  readonly #change = new CompiledOnce((db) =>
    db
      .updateTable('account_balances')
      .set({
        balance_hundredths: sql`balance_hundredths + ${slot<bigint>()}`,
        held_hundredths: sql`held_hundredths + ${slot<bigint>()}`,
      })
      .where('account_id', '=', slot<string>()),
  );

  constructor(private readonly database: Database) {}

  async find(accountId: string, db: Kysely<Tables> = this.database.kysely): Promise<Balance | undefined> {
    const row = await db
      .selectFrom('account_balances')
      .select(['balance_hundredths', 'held_hundredths'])
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    return row && toBalance(row);
  }

  /** For reading: by account id. */
  async findMany(accountIds: readonly string[]): Promise<Map<string, Balance>> {
    if (accountIds.length === 0) return new Map();
    const rows = await this.database.kysely
      .selectFrom('account_balances')
      .select(['account_id', 'balance_hundredths', 'held_hundredths'])
      .where('account_id', 'in', [...accountIds])
      .execute();
    return new Map(rows.map((row) => [row.account_id, toBalance(row)]));
  }

  async insertEmpty(accountId: string, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('account_balances')
      .values({ account_id: accountId, balance_hundredths: 0n, held_hundredths: 0n })
      .onConflict((conflict) => conflict.column('account_id').doNothing())
      .execute();
  }

  /**
   * Reads balances that nobody else can change until the transaction ends. Locked in the order of their ids, so two
   * transactions never wait for each other in a circle.
   */
  async lock(trx: Kysely<Tables>, accountIds: readonly string[]): Promise<Map<string, Balance>> {
    const rows = await this.#lock.execute(trx, accountIds);
    return new Map(rows.map((row) => [row.account_id, toBalance(row)]));
  }

  /** For `GroupCommit`: what else the transaction locks comes after. SQLite has one writer and needs none of it. */
  readonly lockFirst = async (trx: Kysely<Tables>, accountIds: readonly string[]): Promise<void> => {
    if (this.database.kind === 'postgres') await this.lock(trx, accountIds);
  };

  /** @throws when a change would make a balance negative or smaller than what is held: the check of the table */
  async change(trx: Kysely<Tables>, changes: readonly BalanceChange[]): Promise<void> {
    for (const { accountId, balanceHundredths, heldHundredths } of changes) {
      await this.#change.execute(trx, [balanceHundredths, heldHundredths, accountId]);
    }
  }
}

function toBalance(row: { balance_hundredths: bigint; held_hundredths: bigint }): Balance {
  return { balanceHundredths: row.balance_hundredths, heldHundredths: row.held_hundredths };
}

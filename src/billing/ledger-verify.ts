import { sql, type Kysely } from 'kysely';
import type { Tables } from '../persistence/tables.js';

/** One thing that does not add up. */
export interface LedgerDifference {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5';
  readonly accountId: string;
  readonly requestId: string | undefined;
  readonly message: string;
}

/**
 * Recomputes every sum from the entries and holds that it stands for, and compares. Empty: all is well. Reads only;
 * run it while the process works, in one transaction, and it sees one moment. On the embedded database nothing else
 * runs meanwhile.
 */
export async function verifyLedger(db: Kysely<Tables>): Promise<LedgerDifference[]> {
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => [
      ...(await balancesThatAreNotTheirSum(trx)),
      ...(await holdsThatAreNotTheirSum(trx)),
      ...(await settlementsWithoutTheirHold(trx)),
      ...(await settledHoldsWithoutTheirEntry(trx)),
      ...(await rowsThatDisagree(trx)),
      ...(await budgetsThatAreNotTheirSums(trx)),
    ]);
}

async function balancesThatAreNotTheirSum(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  const { rows } = await sql<{ account_id: string; balance: bigint; entries: bigint }>`
    select b.account_id, b.balance_hundredths as balance,
      coalesce((select cast(sum(e.amount_hundredths) as bigint) from ledger_entries e
        where e.account_id = b.account_id), 0) as entries
    from account_balances b`.execute(trx);
  return rows
    .filter((row) => BigInt(row.balance) !== BigInt(row.entries) || BigInt(row.balance) < 0n)
    .map((row) => difference('I1', row.account_id, `balance ${row.balance}, entries ${row.entries}`));
}

async function holdsThatAreNotTheirSum(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  const { rows } = await sql<{ account_id: string; balance: bigint; held: bigint; holds: bigint }>`
    select b.account_id, b.balance_hundredths as balance, b.held_hundredths as held,
      coalesce((select cast(sum(h.amount_hundredths) as bigint) from holds h
        where h.account_id = b.account_id and h.state = 'open'), 0) as holds
    from account_balances b`.execute(trx);
  return rows
    .filter((row) => BigInt(row.held) !== BigInt(row.holds) || BigInt(row.held) > BigInt(row.balance))
    .map((row) =>
      difference('I2', row.account_id, `held ${row.held}, open holds ${row.holds}, balance ${row.balance}`),
    );
}

async function settlementsWithoutTheirHold(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  const { rows } = await sql<{ account_id: string; request_id: string; state: string | null }>`
    select e.account_id, e.request_id, h.state
    from ledger_entries e left join holds h on h.request_id = e.request_id
    where e.type = 'settlement'
      and (h.state is null or h.state <> 'settled' or -e.amount_hundredths > h.amount_hundredths)`.execute(
    trx,
  );
  return rows.map((row) =>
    difference(
      row.state === 'settled' ? 'I4' : 'I3',
      row.account_id,
      `settlement on a hold that is ${row.state ?? 'missing'} or too small`,
      row.request_id,
    ),
  );
}

async function settledHoldsWithoutTheirEntry(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  const { rows } = await sql<{ account_id: string; request_id: string }>`
    select h.account_id, h.request_id from holds h
    where h.state = 'settled' and not exists (
      select 1 from ledger_entries e where e.request_id = h.request_id and e.type = 'settlement')`.execute(
    trx,
  );
  return rows.map((row) => difference('I3', row.account_id, 'hold settled without an entry', row.request_id));
}

async function rowsThatDisagree(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  const { rows } = await sql<{ account_id: string; request_id: string }>`
    select u.account_id, u.request_id from usage_records u
    left join ledger_entries e on e.request_id = u.request_id and e.type = 'settlement'
    where coalesce(-e.amount_hundredths, 0) <> u.credit_hundredths`.execute(trx);
  return rows.map((row) =>
    difference('I5', row.account_id, 'usage row and settlement name different credits', row.request_id),
  );
}

/**
 * As I1 and I2 for accounts, for the budgets of keys: spent = Σ settlements less what was given back, held = Σ open holds
 * of the period.
 */
export async function budgetsThatAreNotTheirSums(trx: Kysely<Tables>): Promise<LedgerDifference[]> {
  // Grouped, not asked for each budget: the ledger is read once however many there are.
  const { rows } = await sql<BudgetSums>`
    select b.key_id, b.budget_window, k.account_id, b.spent_hundredths as spent, b.held_hundredths as held,
      coalesce(charged.total, 0) as settlements, coalesce(open.total, 0) as holds
    from key_budgets b join api_keys k on k.id = b.key_id
    left join (
      select h.account_id, h.key_id, h.budget_window, cast(-sum(e.amount_hundredths) as bigint) as total
      from ledger_entries e join holds h on h.request_id = e.request_id
      where e.type in ('settlement', 'correction') and h.budget_window is not null
      group by h.account_id, h.key_id, h.budget_window
    ) charged on charged.account_id = k.account_id and charged.key_id = b.key_id
      and charged.budget_window = b.budget_window
    left join (
      select account_id, key_id, budget_window, cast(sum(amount_hundredths) as bigint) as total
      from holds where state = 'open' and budget_window is not null
      group by account_id, key_id, budget_window
    ) open on open.account_id = k.account_id and open.key_id = b.key_id
      and open.budget_window = b.budget_window`.execute(trx);
  return rows.flatMap((row) => {
    const budget = `budget ${row.budget_window} of ${row.key_id}`;
    return [
      ...(BigInt(row.spent) === BigInt(row.settlements)
        ? []
        : [
            difference('I1', row.account_id, `${budget}: spent ${row.spent}, settlements ${row.settlements}`),
          ]),
      ...(BigInt(row.held) === BigInt(row.holds)
        ? []
        : [difference('I2', row.account_id, `${budget}: held ${row.held}, open holds ${row.holds}`)]),
    ];
  });
}

interface BudgetSums {
  readonly key_id: string;
  readonly budget_window: string;
  readonly account_id: string;
  readonly spent: bigint;
  readonly settlements: bigint;
  readonly held: bigint;
  readonly holds: bigint;
}

function difference(
  invariant: LedgerDifference['invariant'],
  accountId: string,
  message: string,
  requestId?: string,
): LedgerDifference {
  return { invariant, accountId, requestId, message };
}

import { PostgresAdapter, sql, type Kysely, type RawBuilder, type Transaction } from 'kysely';
import type { Tables } from '../persistence/tables.js';

/** One thing that does not add up. */
export interface LedgerDifference {
  readonly invariant: 'I1' | 'I2' | 'I3' | 'I4' | 'I5';
  readonly accountId: string;
  readonly requestId: string | undefined;
  readonly message: string;
}

/** Rows of one statement: well within the time that PostgreSQL gives one, however long the ledger is. */
const ROWS_AT_ONCE = 50_000;

/** Told at most: a ledger that is wrong everywhere has one for each of its rows. */
const MAX_DIFFERENCES = 10_000;

/**
 * Recomputes every sum from the entries and holds that it stands for, and compares. Empty: all is well. Reads only, each
 * table once, so many rows at a time, in one transaction: what it compares is of one moment, while the process works. Of a
 * ledger that is wrong everywhere it tells the first 10,000 differences.
 *
 * @param db on SQLite `Database.reports`: on the connection that writes nothing else would run meanwhile
 */
export async function verifyLedger(
  db: Kysely<Tables>,
  rowsAtOnce = ROWS_AT_ONCE,
): Promise<LedgerDifference[]> {
  return db
    .transaction()
    .setAccessMode('read only')
    .setIsolationLevel('repeatable read')
    .execute(async (trx) => {
      if (trx.getExecutor().adapter instanceof PostgresAdapter) await lookUpEachRow(trx);
      return new Verification(trx, rowsAtOnce).differences();
    });
}

/** By indices: in any other way each part of a table would read all of it, or all of the table that it is joined with. */
async function lookUpEachRow(trx: Transaction<Tables>): Promise<void> {
  await sql`set local enable_seqscan = off`.execute(trx);
  await sql`set local enable_hashjoin = off`.execute(trx);
  await sql`set local enable_mergejoin = off`.execute(trx);
}

/** Sums by whatever they are the sums of. */
class Sums {
  readonly #totals = new Map<string, bigint>();

  add(of: readonly string[], amount: bigint | number): void {
    const name = of.join('\n');
    this.#totals.set(name, (this.#totals.get(name) ?? 0n) + BigInt(amount));
  }

  of(...of: readonly string[]): bigint {
    return this.#totals.get(of.join('\n')) ?? 0n;
  }
}

/** A part of a table, by its key: those after the first, through the last. */
type Part = readonly [after: string, through: string];

class Verification {
  readonly #entries = new Sums();
  readonly #charges = new Sums();
  readonly #openHolds = new Sums();
  readonly #openHoldsOfBudgets = new Sums();

  constructor(
    private readonly trx: Transaction<Tables>,
    private readonly rowsAtOnce: number,
  ) {}

  async differences(): Promise<LedgerDifference[]> {
    const settlements = await this.#inParts('ledger_entries', 'id', async (part) => {
      await this.#addEntries(part);
      await this.#addCharges(part);
      return this.#settlementsWithoutTheirHold(part);
    });
    const settledHolds = await this.#inParts('holds', 'request_id', async (part) => {
      await this.#addOpenHolds(part);
      return this.#settledHoldsWithoutTheirEntry(part);
    });
    const rows = await this.#inParts('usage_records', 'request_id', (part) => this.#rowsThatDisagree(part));
    const balances = await this.#balances();
    return [
      ...balances.filter(({ invariant }) => invariant === 'I1'),
      ...balances.filter(({ invariant }) => invariant === 'I2'),
      ...settlements,
      ...settledHolds,
      ...rows,
      ...(await this.#budgets()),
    ].slice(0, MAX_DIFFERENCES);
  }

  async #inParts(
    table: 'ledger_entries' | 'holds' | 'usage_records',
    key: 'id' | 'request_id',
    look: (part: Part) => Promise<LedgerDifference[]>,
  ): Promise<LedgerDifference[]> {
    const found: LedgerDifference[] = [];
    for (let after = ''; ;) {
      const { rows } = await sql<{ last: string | null }>`
        select max(${sql.ref(key)}) as last from (
          select ${sql.ref(key)} from ${sql.table(table)} where ${sql.ref(key)} > ${after}
          order by ${sql.ref(key)} limit ${this.rowsAtOnce}) as part`.execute(this.trx);
      const through = rows[0]?.last ?? null;
      if (through === null) return found;
      const more = await look([after, through]);
      found.push(...more.slice(0, MAX_DIFFERENCES - found.length));
      after = through;
    }
  }

  async #addEntries(part: Part): Promise<void> {
    const { rows } = await sql<{ account_id: string; total: bigint }>`
      select e.account_id, cast(sum(e.amount_hundredths) as bigint) as total
      from ledger_entries e where ${within('e.id', part)} group by e.account_id`.execute(this.trx);
    for (const { account_id, total } of rows) this.#entries.add([account_id], total);
  }

  /** Σ settlements less what was given back of them. */
  async #addCharges(part: Part): Promise<void> {
    const { rows } = await sql<BudgetSum>`
      select h.account_id, h.key_id, h.budget_window, cast(-sum(e.amount_hundredths) as bigint) as total
      from ledger_entries e join holds h on h.request_id = e.request_id
      where ${within('e.id', part)} and e.type in ('settlement', 'correction') and h.budget_window is not null
      group by h.account_id, h.key_id, h.budget_window`.execute(this.trx);
    for (const row of rows)
      this.#charges.add([row.account_id, row.key_id, row.budget_window ?? ''], row.total);
  }

  async #addOpenHolds(part: Part): Promise<void> {
    const { rows } = await sql<BudgetSum>`
      select h.account_id, h.key_id, h.budget_window, cast(sum(h.amount_hundredths) as bigint) as total
      from holds h where ${within('h.request_id', part)} and h.state = 'open'
      group by h.account_id, h.key_id, h.budget_window`.execute(this.trx);
    for (const { account_id, key_id, budget_window, total } of rows) {
      this.#openHolds.add([account_id], total);
      if (budget_window !== null) this.#openHoldsOfBudgets.add([account_id, key_id, budget_window], total);
    }
  }

  async #settlementsWithoutTheirHold(part: Part): Promise<LedgerDifference[]> {
    const { rows } = await sql<{ account_id: string; request_id: string; state: string | null }>`
      select e.account_id, e.request_id, h.state
      from ledger_entries e left join holds h on h.request_id = e.request_id
      where ${within('e.id', part)} and e.type = 'settlement'
        and (h.state is null or h.state <> 'settled' or -e.amount_hundredths > h.amount_hundredths)`.execute(
      this.trx,
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

  async #settledHoldsWithoutTheirEntry(part: Part): Promise<LedgerDifference[]> {
    const { rows } = await sql<{ account_id: string; request_id: string }>`
      select h.account_id, h.request_id
      from holds h left join ledger_entries e on e.request_id = h.request_id and e.type = 'settlement'
      where ${within('h.request_id', part)} and h.state = 'settled' and e.id is null`.execute(this.trx);
    return rows.map((row) =>
      difference('I3', row.account_id, 'hold settled without an entry', row.request_id),
    );
  }

  async #rowsThatDisagree(part: Part): Promise<LedgerDifference[]> {
    const { rows } = await sql<{ account_id: string; request_id: string }>`
      select u.account_id, u.request_id
      from usage_records u left join ledger_entries e on e.request_id = u.request_id and e.type = 'settlement'
      where ${within('u.request_id', part)} and coalesce(-e.amount_hundredths, 0) <> u.credit_hundredths`.execute(
      this.trx,
    );
    return rows.map((row) =>
      difference('I5', row.account_id, 'usage row and settlement name different credits', row.request_id),
    );
  }

  async #balances(): Promise<LedgerDifference[]> {
    const found: LedgerDifference[] = [];
    for (let after = ''; ;) {
      const rows = await this.trx
        .selectFrom('account_balances')
        .select(['account_id', 'balance_hundredths', 'held_hundredths'])
        .where('account_id', '>', after)
        .orderBy('account_id')
        .limit(this.rowsAtOnce)
        .execute();
      for (const { account_id: id, balance_hundredths: balance, held_hundredths: held } of rows) {
        const entries = this.#entries.of(id);
        if (balance !== entries || balance < 0n)
          found.push(difference('I1', id, `balance ${balance}, entries ${entries}`));
        const holds = this.#openHolds.of(id);
        if (held !== holds || held > balance)
          found.push(difference('I2', id, `held ${held}, open holds ${holds}, balance ${balance}`));
      }
      const last = rows.at(-1);
      if (last === undefined || found.length >= MAX_DIFFERENCES) return found;
      after = last.account_id;
    }
  }

  /** As I1 and I2 for accounts, for the budgets of keys. */
  async #budgets(): Promise<LedgerDifference[]> {
    const found: LedgerDifference[] = [];
    for (let after = ['', '']; ;) {
      const { rows } = await sql<Budget>`
        select b.key_id, b.budget_window, k.account_id, b.spent_hundredths as spent, b.held_hundredths as held
        from key_budgets b join api_keys k on k.id = b.key_id
        where (b.key_id, b.budget_window) > (${after[0]}, ${after[1]})
        order by b.key_id, b.budget_window limit ${this.rowsAtOnce}`.execute(this.trx);
      for (const { key_id, budget_window, account_id: id, spent, held } of rows) {
        const budget = `budget ${budget_window} of ${key_id}`;
        const settlements = this.#charges.of(id, key_id, budget_window);
        if (BigInt(spent) !== settlements)
          found.push(difference('I1', id, `${budget}: spent ${spent}, settlements ${settlements}`));
        const holds = this.#openHoldsOfBudgets.of(id, key_id, budget_window);
        if (BigInt(held) !== holds)
          found.push(difference('I2', id, `${budget}: held ${held}, open holds ${holds}`));
      }
      const last = rows.at(-1);
      if (last === undefined || found.length >= MAX_DIFFERENCES) return found;
      after = [last.key_id, last.budget_window];
    }
  }
}

function within(key: string, [after, through]: Part): RawBuilder<unknown> {
  return sql`${sql.ref(key)} > ${after} and ${sql.ref(key)} <= ${through}`;
}

interface BudgetSum {
  readonly account_id: string;
  readonly key_id: string;
  readonly budget_window: string | null;
  readonly total: bigint;
}

interface Budget {
  readonly key_id: string;
  readonly budget_window: string;
  readonly account_id: string;
  readonly spent: bigint;
  readonly held: bigint;
}

function difference(
  invariant: LedgerDifference['invariant'],
  accountId: string,
  message: string,
  requestId?: string,
): LedgerDifference {
  return { invariant, accountId, requestId, message };
}

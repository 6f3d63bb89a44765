import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type RawBuilder, type Selectable, type Transaction } from 'kysely';
import { CompiledForList } from '../persistence/compiled-once.js';
import { Database } from '../persistence/database.js';
import { FixedQuery } from '../persistence/fixed-query.js';
import { literal } from '../persistence/literal.js';
import { IdempotentInsert } from '../persistence/idempotent-insert.js';
import type { HoldsTable, Tables } from '../persistence/tables.js';
import type { HoldState } from './hold-states.js';

/** Credit that is set aside for one request. */
export interface Hold {
  readonly requestId: string;
  readonly accountId: string;
  readonly keyId: string;
  readonly amountHundredths: bigint;
  readonly state: HoldState;
  /** The process that opened it and alone may settle it while it lives. */
  readonly owner: string;
  readonly relayedTokens: number;
  /** JSON text; see `HoldMetadata`. */
  readonly facts: string;
  readonly openedAtMs: number;
  /** The period of the key's budget that it was taken from; `undefined`: the key had no budget. */
  readonly budgetWindow: string | undefined;
  /** See `ExclusiveUse`. */
  readonly exclusiveName: string | undefined;
}

export interface HoldEvent {
  readonly requestId: string;
  readonly event: 'opened' | 'extended' | 'settled' | 'released' | 'expired';
  readonly amountHundredths: bigint;
  readonly atMs: number;
}

const COLUMNS = [
  'request_id',
  'account_id',
  'key_id',
  'amount_hundredths',
  'state',
  'owner',
  'relayed_tokens',
  'facts',
  'opened_at_ms',
  'budget_window',
  'exclusive_name',
] as const satisfies readonly (keyof HoldsTable)[];

const OPEN = literal('open');

/** Of one statement. */
const NOTES_AT_ONCE = 500;

@Injectable()
export class HoldRepository {
  readonly #insert = new IdempotentInsert('holds', COLUMNS, 'request_id');
  readonly #insertEvent = new IdempotentInsert(
    'hold_events',
    ['id', 'request_id', 'event', 'amount_hundredths', 'at_ms'],
    'id',
  );

  readonly #lock = new CompiledForList((db, requestIds) =>
    db
      .selectFrom('holds')
      .select(COLUMNS)
      .where('request_id', 'in', requestIds)
      .orderBy('request_id')
      .$if(this.database.kind === 'postgres', (query) => query.forUpdate()),
  );
  readonly #close = {
    settled: closing('settled'),
    released: closing('released'),
    expired: closing('expired'),
  };

  readonly #taken = new FixedQuery(
    sql`select request_id from holds where account_id = ${''} and exclusive_name = ${''} and state = ${OPEN}`,
  );

  constructor(private readonly database: Database) {}

  async insertMany(trx: Kysely<Tables>, holds: readonly Hold[]): Promise<void> {
    await this.#insert.execute(
      trx,
      holds.map((hold) => ({
        request_id: hold.requestId,
        account_id: hold.accountId,
        key_id: hold.keyId,
        amount_hundredths: hold.amountHundredths,
        state: hold.state,
        owner: hold.owner,
        relayed_tokens: hold.relayedTokens,
        facts: hold.facts,
        opened_at_ms: BigInt(hold.openedAtMs),
        budget_window: hold.budgetWindow ?? null,
        exclusive_name: hold.exclusiveName ?? null,
      })),
    );
  }

  async addEvents(trx: Kysely<Tables>, events: readonly HoldEvent[]): Promise<void> {
    await this.#insertEvent.execute(
      trx,
      events.map(({ requestId, event, amountHundredths, atMs }) => ({
        id: event === 'extended' ? `${requestId}:${event}:${amountHundredths}` : `${requestId}:${event}`,
        request_id: requestId,
        event,
        amount_hundredths: amountHundredths,
        at_ms: BigInt(atMs),
      })),
    );
  }

  /** Holds that nobody else can resolve until the transaction ends, by request id. */
  async lock(trx: Transaction<Tables>, requestIds: readonly string[]): Promise<Map<string, Hold>> {
    const rows = await this.#lock.execute(trx, requestIds);
    return new Map(rows.map((row) => [row.request_id, toHold(row)]));
  }

  /** Only what is open moves; callers have locked the rows and know that it is. */
  async close(
    trx: Transaction<Tables>,
    requestIds: readonly string[],
    state: Exclude<HoldState, 'open'>,
  ): Promise<void> {
    await this.#close[state].execute(trx, requestIds);
  }

  async extend(trx: Transaction<Tables>, requestId: string, amountHundredths: bigint): Promise<void> {
    await trx
      .updateTable('holds')
      .set({ amount_hundredths: amountHundredths })
      .where('request_id', '=', requestId)
      .where('state', '=', 'open')
      .execute();
  }

  /** @param relayedTokens by request id, of any number of holds */
  async setProgress(trx: Kysely<Tables>, relayedTokens: ReadonlyMap<string, number>): Promise<void> {
    const notes = [...relayedTokens];
    for (let start = 0; start < notes.length; start += NOTES_AT_ONCE) {
      const rows = notes
        .slice(start, start + NOTES_AT_ONCE)
        .map(([requestId, tokens]) => sql`(cast(${requestId} as text), cast(${tokens} as integer))`);
      await sql`
        update holds set relayed_tokens = note.column2 from (values ${sql.join(rows)}) as note
        where holds.request_id = note.column1 and holds.state = ${OPEN}`.execute(trx);
    }
  }

  /** Whether an open hold of the account has this name. Exact while the account is locked. */
  async isNameTaken(db: Kysely<Tables>, accountId: string, exclusiveName: string): Promise<boolean> {
    const { rows } = await this.#taken.run(db, [accountId, exclusiveName]);
    return rows.length > 0;
  }

  /** The processes that have open holds. */
  async listOpenOwners(db: Kysely<Tables> = this.database.kysely): Promise<string[]> {
    const rows = await db.selectFrom('holds').select('owner').distinct().where('state', '=', OPEN).execute();
    return rows.map(({ owner }) => owner);
  }

  /** As a condition: the process has open holds. */
  hasOpenOf(owner: string): RawBuilder<boolean> {
    return sql<boolean>`exists (select 1 from holds where owner = ${owner} and state = ${OPEN})`;
  }

  /** Open holds of these processes, in the order of request ids, which is that of time. */
  async listOpenOf(
    owners: readonly string[],
    afterRequestId: string,
    limit: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Hold[]> {
    const rows = await db
      .selectFrom('holds')
      .select(COLUMNS)
      .where('state', '=', OPEN)
      .where('owner', 'in', [...owners])
      .where('request_id', '>', afterRequestId)
      .orderBy('request_id')
      .limit(limit)
      .execute();
    return rows.map(toHold);
  }

  /** Ends the exclusive use of holds that stay open. */
  async letGo(db: Kysely<Tables>, requestIds: readonly string[]): Promise<void> {
    await db
      .updateTable('holds')
      .set({ exclusive_name: null })
      .where('request_id', 'in', requestIds)
      .where('state', '=', 'open')
      .execute();
  }

  async find(requestId: string, db: Kysely<Tables> = this.database.kysely): Promise<Hold | undefined> {
    const row = await db
      .selectFrom('holds')
      .select(COLUMNS)
      .where('request_id', '=', requestId)
      .executeTakeFirst();
    return row && toHold(row);
  }
}

function closing(state: Exclude<HoldState, 'open'>): CompiledForList {
  return new CompiledForList((db, requestIds) =>
    db
      .updateTable('holds')
      // Digest of an id of the client's: of no use any more, and the hold outlives what was said under it.
      .set({ state, exclusive_name: null })
      .where('request_id', 'in', requestIds)
      .where('state', '=', 'open'),
  );
}

function toHold(row: Pick<Selectable<HoldsTable>, (typeof COLUMNS)[number]>): Hold {
  return {
    requestId: row.request_id,
    accountId: row.account_id,
    keyId: row.key_id,
    amountHundredths: row.amount_hundredths,
    state: row.state,
    owner: row.owner,
    relayedTokens: row.relayed_tokens,
    facts: row.facts,
    openedAtMs: Number(row.opened_at_ms),
    budgetWindow: row.budget_window ?? undefined,
    exclusiveName: row.exclusive_name ?? undefined,
  };
}

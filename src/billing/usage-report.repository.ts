import { Injectable } from '@nestjs/common';
import { sql, type RawBuilder, type Transaction } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';

export const USAGE_GROUPS = ['day', 'model', 'key'] as const;

export type UsageGroup = (typeof USAGE_GROUPS)[number];

export interface UsageQuery {
  /** `undefined`: all accounts. */
  readonly accountId: string | undefined;
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
  readonly groupBy: UsageGroup;
}

/** What requests of one day, model or key have used. */
export interface UsageSum {
  /** `2026-11-22` (UTC), a model id or a key id. */
  readonly group: string;
  readonly requests: bigint;
  readonly promptTokens: bigint;
  readonly completionTokens: bigint;
  readonly costNanoUsd: bigint;
  readonly creditHundredths: bigint;
}

/** The words that may be asked for, and nothing else, become SQL. */
const GROUPS: Readonly<Record<UsageGroup, RawBuilder<string | bigint>>> = {
  day: sql<bigint>`created_at_ms / 86400000`,
  model: sql<string>`model`,
  key: sql<string>`key_id`,
};

const DAY_MS = 86_400_000;

/** Rows of one statement: well within the time that PostgreSQL gives one, however many there are. */
const ROWS_AT_ONCE = 200_000;

type Sums = Omit<UsageSum, 'group'>;

const NOTHING: Sums = {
  requests: 0n,
  promptTokens: 0n,
  completionTokens: 0n,
  costNanoUsd: 0n,
  creditHundredths: 0n,
};

@Injectable()
export class UsageReportRepository {
  constructor(private readonly database: Database) {}

  /**
   * In the order of the groups. All of one moment; nothing else waits for it.
   * @param afterGroup where the page before ended
   * @throws DomainError `storage_unavailable`
   */
  async list(
    query: UsageQuery,
    limit: number,
    afterGroup: string | undefined,
    rowsAtOnce = ROWS_AT_ONCE,
  ): Promise<UsageSum[]> {
    const sums = await this.database.reports
      .transaction()
      .setAccessMode('read only')
      .setIsolationLevel('repeatable read')
      .execute((trx) => sumUp(trx, query, rowsAtOnce));
    return [...sums]
      .map(([group, its]): UsageSum => ({ group, ...its }))
      .filter(({ group }) => afterGroup === undefined || group > afterGroup)
      .sort((a, b) => (a.group < b.group ? -1 : 1))
      .slice(0, limit);
  }
}

/**
 * Part after part, in the order of an index: an account's by time, those of all accounts by request. Each of so many rows,
 * or all of one millisecond.
 */
async function sumUp(
  trx: Transaction<Tables>,
  { accountId, fromMs, toMs, groupBy }: UsageQuery,
  rowsAtOnce: number,
): Promise<ReadonlyMap<string, Sums>> {
  const totals = new Map<string, Sums>();
  const key = accountId === undefined ? 'request_id' : 'created_at_ms';
  const group = GROUPS[groupBy];
  const wanted = trx
    .selectFrom('usage_records')
    .where('created_at_ms', '>=', BigInt(fromMs))
    .where('created_at_ms', '<', BigInt(toMs))
    .$if(accountId !== undefined, (select) => select.where('account_id', '=', accountId ?? ''));
  for (let after: string | bigint = accountId === undefined ? '' : BigInt(fromMs) - 1n; ;) {
    // All of them count, wanted or not: those that are not are read, too.
    const rowsOfPart = trx
      .selectFrom('usage_records')
      .$if(accountId !== undefined, (select) =>
        select.where('account_id', '=', accountId ?? '').where('created_at_ms', '<', BigInt(toMs)),
      )
      .where(key, '>', after)
      .select(key)
      .orderBy(key)
      .limit(rowsAtOnce);
    const { through } = await trx
      .selectFrom(rowsOfPart.as('part'))
      .select(({ fn }) => fn.max<string | bigint | null>(key).as('through'))
      .executeTakeFirstOrThrow();
    if (through === null) return totals;
    const rows = await wanted
      .where(key, '>', after)
      .where(key, '<=', through)
      .select([
        group.as('group'),
        sql<bigint>`count(*)`.as('requests'),
        sql<bigint>`sum(prompt_tokens)`.as('prompt_tokens'),
        sql<bigint>`sum(completion_tokens)`.as('completion_tokens'),
        sql<bigint>`sum(cost_nano_usd)`.as('cost_nano_usd'),
        sql<bigint>`sum(credit_hundredths)`.as('credit_hundredths'),
      ])
      .groupBy(group)
      .execute();
    for (const row of rows) add(totals, shownGroup(row.group), row);
    after = through;
  }
}

function add(totals: Map<string, Sums>, group: string, more: SumsOfPart): void {
  const before = totals.get(group) ?? NOTHING;
  totals.set(group, {
    requests: before.requests + more.requests,
    promptTokens: before.promptTokens + more.prompt_tokens,
    completionTokens: before.completionTokens + more.completion_tokens,
    costNanoUsd: before.costNanoUsd + more.cost_nano_usd,
    creditHundredths: before.creditHundredths + more.credit_hundredths,
  });
}

interface SumsOfPart {
  readonly requests: bigint;
  readonly prompt_tokens: bigint;
  readonly completion_tokens: bigint;
  readonly cost_nano_usd: bigint;
  readonly credit_hundredths: bigint;
}

/** As text in the order of what it says. */
function shownGroup(group: string | bigint): string {
  return typeof group === 'string' ? group : new Date(Number(group) * DAY_MS).toISOString().slice(0, 10);
}

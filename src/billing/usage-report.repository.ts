import { Injectable } from '@nestjs/common';
import { sql, type RawBuilder } from 'kysely';
import { Database } from '../persistence/database.js';

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

@Injectable()
export class UsageReportRepository {
  constructor(private readonly database: Database) {}

  /**
   * In the order of the groups.
   * @param afterGroup where the page before ended
   */
  async list(query: UsageQuery, limit: number, afterGroup: string | undefined): Promise<UsageSum[]> {
    const group = GROUPS[query.groupBy];
    const { accountId } = query;
    const after = afterGroup === undefined ? undefined : storedGroup(query.groupBy, afterGroup);
    const rows = await this.database.kysely
      .selectFrom('usage_records')
      .select([
        group.as('group'),
        sql<bigint>`count(*)`.as('requests'),
        sql<bigint>`sum(prompt_tokens)`.as('prompt_tokens'),
        sql<bigint>`sum(completion_tokens)`.as('completion_tokens'),
        sql<bigint>`sum(cost_nano_usd)`.as('cost_nano_usd'),
        sql<bigint>`sum(credit_hundredths)`.as('credit_hundredths'),
      ])
      .where('created_at_ms', '>=', BigInt(query.fromMs))
      .where('created_at_ms', '<', BigInt(query.toMs))
      .$if(accountId !== undefined, (select) => select.where('account_id', '=', accountId ?? ''))
      .$if(after !== undefined, (select) => select.where(group, '>', after ?? ''))
      .groupBy(group)
      .orderBy(group)
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      group: shownGroup(row.group),
      requests: row.requests,
      promptTokens: row.prompt_tokens,
      completionTokens: row.completion_tokens,
      costNanoUsd: row.cost_nano_usd,
      creditHundredths: row.credit_hundredths,
    }));
  }
}

function shownGroup(group: string | bigint): string {
  return typeof group === 'string' ? group : new Date(Number(group) * DAY_MS).toISOString().slice(0, 10);
}

function storedGroup(groupBy: UsageGroup, shown: string): string | bigint {
  return groupBy === 'day' ? BigInt(Math.floor(Date.parse(shown) / DAY_MS)) : shown;
}

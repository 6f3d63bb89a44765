import { Injectable } from '@nestjs/common';
import type { Kysely, Selectable } from 'kysely';
import type { RequestProvenance } from '../contracts/accounts/request-provenance.js';
import { Database } from '../persistence/database.js';
import { IdempotentInsert } from '../persistence/idempotent-insert.js';
import type { Tables, UsageRecordsTable } from '../persistence/tables.js';
import type { RequestFacts } from './hold-metadata.js';

/** An upstream call that failed; the next one, if there was one, went to another route. */
export interface FailedAttempt {
  readonly upstream: string;
  readonly upstreamModel: string;
  /** Why, as `UpstreamError.code`. */
  readonly code: string;
  /** HTTP status that the upstream sent, if it sent one. */
  readonly upstreamStatus: number | undefined;
}

/** What one finished request used and cost. Written once, never changed. */
export interface UsageRecord extends RequestFacts {
  readonly upstream: string;
  readonly upstreamModel: string;
  /** In their order; the last route is `upstream` itself where the request failed. */
  readonly failedAttempts: readonly FailedAttempt[];
  /** How the request ended, in the words of whoever metered it. */
  readonly outcome: string;
  readonly finishReason: string | undefined;
  readonly promptTokens: number;
  /** Part of `promptTokens`. */
  readonly cachedPromptTokens: number;
  readonly completionTokens: number;
  /** Part of `completionTokens`. */
  readonly reasoningTokens: number;
  readonly usageSource: 'upstream' | 'counted' | 'estimated';
  readonly priceVersion: string;
  readonly costNanoUsd: bigint;
  readonly creditHundredths: bigint;
  readonly createdAtMs: number;
  /** From the request's arrival; `undefined`: no token came. */
  readonly firstTokenMs: number | undefined;
  /** From the request's arrival. */
  readonly durationMs: number;
}

const COLUMNS = [
  'request_id',
  'client_request_id',
  'account_id',
  'key_id',
  'surface',
  'endpoint',
  'model',
  'upstream',
  'upstream_model',
  'streamed',
  'outcome',
  'finish_reason',
  'prompt_tokens',
  'cached_prompt_tokens',
  'completion_tokens',
  'reasoning_tokens',
  'usage_source',
  'price_version',
  'cost_nano_usd',
  'credit_hundredths',
  'created_at_ms',
  'first_token_ms',
  'duration_ms',
  'failed_attempts',
  'context',
] as const satisfies readonly (keyof UsageRecordsTable)[];

@Injectable()
export class UsageRepository {
  readonly #insert = new IdempotentInsert('usage_records', COLUMNS, 'request_id');

  constructor(private readonly database: Database) {}

  /** Idempotent by `requestId`: the first record of a request stays. */
  async insertMany(trx: Kysely<Tables>, records: readonly UsageRecord[]): Promise<void> {
    await this.#insert.execute(trx, records.map(toRow));
  }

  async findByRequestId(
    accountId: string,
    requestId: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<UsageRecord | undefined> {
    const row = await db
      .selectFrom('usage_records')
      .select(COLUMNS)
      .where('account_id', '=', accountId)
      .where('request_id', '=', requestId)
      .executeTakeFirst();
    return row && toRecord(row);
  }
}

function toRow(record: UsageRecord): UsageRecordsTable {
  return {
    request_id: record.requestId,
    client_request_id: record.clientRequestId ?? null,
    account_id: record.accountId,
    key_id: record.keyId,
    surface: record.surface,
    endpoint: record.endpoint,
    model: record.model,
    upstream: record.upstream,
    upstream_model: record.upstreamModel,
    streamed: record.streamed,
    outcome: record.outcome,
    finish_reason: record.finishReason ?? null,
    prompt_tokens: record.promptTokens,
    cached_prompt_tokens: record.cachedPromptTokens,
    completion_tokens: record.completionTokens,
    reasoning_tokens: record.reasoningTokens,
    usage_source: record.usageSource,
    price_version: record.priceVersion,
    cost_nano_usd: record.costNanoUsd,
    credit_hundredths: record.creditHundredths,
    created_at_ms: BigInt(record.createdAtMs),
    // Clocks give fractions of a millisecond; the columns hold whole ones.
    first_token_ms: record.firstTokenMs === undefined ? null : Math.round(record.firstTokenMs),
    duration_ms: Math.round(record.durationMs),
    failed_attempts: record.failedAttempts.length === 0 ? null : JSON.stringify(record.failedAttempts),
    context: record.context === undefined ? null : JSON.stringify(record.context),
  };
}

function toRecord(row: Selectable<UsageRecordsTable>): UsageRecord {
  return {
    requestId: row.request_id,
    clientRequestId: row.client_request_id ?? undefined,
    accountId: row.account_id,
    keyId: row.key_id,
    surface: row.surface,
    endpoint: row.endpoint,
    model: row.model,
    upstream: row.upstream,
    upstreamModel: row.upstream_model,
    streamed: row.streamed,
    outcome: row.outcome,
    finishReason: row.finish_reason ?? undefined,
    promptTokens: row.prompt_tokens,
    cachedPromptTokens: row.cached_prompt_tokens,
    completionTokens: row.completion_tokens,
    reasoningTokens: row.reasoning_tokens,
    usageSource: row.usage_source,
    priceVersion: row.price_version,
    costNanoUsd: row.cost_nano_usd,
    creditHundredths: row.credit_hundredths,
    createdAtMs: Number(row.created_at_ms),
    firstTokenMs: row.first_token_ms ?? undefined,
    durationMs: row.duration_ms,
    failedAttempts: row.failed_attempts === null ? [] : (JSON.parse(row.failed_attempts) as FailedAttempt[]),
    ...(row.context === null ? {} : { context: JSON.parse(row.context) as RequestProvenance }),
  };
}

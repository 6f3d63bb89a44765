import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import type { Price } from '../common/money/price.js';
import { Database } from '../persistence/database.js';
import { IdempotentInsert } from '../persistence/idempotent-insert.js';
import type { Tables } from '../persistence/tables.js';

/** A price and where it came from. Versions are never changed: another price is another version. */
export interface PriceVersion extends Price {
  readonly model: string;
  readonly source: 'config' | 'price-table';
  readonly effectiveFromMs: number;
}

const COLUMNS = [
  'version',
  'model',
  'prompt_pico_usd_per_token',
  'completion_pico_usd_per_token',
  'cached_prompt_pico_usd_per_token',
  'audio_prompt_pico_usd_per_token',
  'audio_completion_pico_usd_per_token',
  'web_search_pico_usd',
  'service_tier',
  'source',
  'effective_from_ms',
] as const;

/** Last parameter of each method: the transaction to take part in. */
@Injectable()
export class PriceVersionRepository {
  readonly #insert = new IdempotentInsert('price_versions', COLUMNS, 'version');

  constructor(private readonly database: Database) {}

  /** Stores the versions that are new; a known one stays as it was first stored, its effective date too. */
  async upsertMany(
    versions: readonly PriceVersion[],
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<void> {
    await this.#insert.execute(
      db,
      versions.map((price) => ({
        version: price.version,
        model: price.model,
        prompt_pico_usd_per_token: price.promptPicoUsdPerToken,
        completion_pico_usd_per_token: price.completionPicoUsdPerToken,
        cached_prompt_pico_usd_per_token: price.cachedPromptPicoUsdPerToken ?? null,
        audio_prompt_pico_usd_per_token: price.audioPromptPicoUsdPerToken ?? null,
        audio_completion_pico_usd_per_token: price.audioCompletionPicoUsdPerToken ?? null,
        web_search_pico_usd: price.webSearchPicoUsd ?? null,
        service_tier: price.serviceTier ?? null,
        source: price.source,
        effective_from_ms: BigInt(price.effectiveFromMs),
      })),
    );
  }

  async find(version: string, db: Kysely<Tables> = this.database.kysely): Promise<PriceVersion | undefined> {
    const row = await db
      .selectFrom('price_versions')
      .select(COLUMNS)
      .where('version', '=', version)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    return {
      version: row.version,
      model: row.model,
      promptPicoUsdPerToken: row.prompt_pico_usd_per_token,
      completionPicoUsdPerToken: row.completion_pico_usd_per_token,
      ...(row.cached_prompt_pico_usd_per_token !== null && {
        cachedPromptPicoUsdPerToken: row.cached_prompt_pico_usd_per_token,
      }),
      ...(row.audio_prompt_pico_usd_per_token !== null && {
        audioPromptPicoUsdPerToken: row.audio_prompt_pico_usd_per_token,
      }),
      ...(row.audio_completion_pico_usd_per_token !== null && {
        audioCompletionPicoUsdPerToken: row.audio_completion_pico_usd_per_token,
      }),
      ...(row.web_search_pico_usd !== null && { webSearchPicoUsd: row.web_search_pico_usd }),
      ...(row.service_tier !== null && { serviceTier: row.service_tier }),
      source: row.source,
      effectiveFromMs: Number(row.effective_from_ms),
    };
  }
}

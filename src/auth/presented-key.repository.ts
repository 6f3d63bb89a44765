import { Injectable } from '@nestjs/common';
import type { Kysely } from 'kysely';
import { Database } from '../persistence/database.js';
import type { Tables } from '../persistence/tables.js';
import type { PresentedApiKey } from './api-key.js';
import { COLUMNS, toApiKeyRow } from './api-key.row.js';

/** Keys by the secrets that callers show. Last parameter of each method: the transaction to take part in. */
@Injectable()
export class PresentedKeyRepository {
  constructor(private readonly database: Database) {}

  /**
   * The key whose secret has this hash, also the one before its last rotation; revoked and expired ones too: whether it
   * may pass is the caller's rule.
   * @param secretSha256 hex
   */
  async findBySecretHash(
    secretSha256: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<PresentedApiKey | undefined> {
    return (await this.findBySecretHashes([secretSha256], db)).get(secretSha256);
  }

  /**
   * As `findBySecretHash`, for several hashes in one statement.
   * @param secretsSha256 hex; at most some hundred
   * @returns the keys that there are, by hash
   */
  async findBySecretHashes(
    secretsSha256: readonly string[],
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Map<string, PresentedApiKey>> {
    const rows = await db
      .selectFrom('api_keys')
      .innerJoin('accounts', 'accounts.id', 'api_keys.account_id')
      .select(COLUMNS.map((column) => `api_keys.${column}` as const))
      .select(['secret_sha256', 'previous_secret_sha256'])
      .select(['accounts.suspended_at_ms', 'accounts.conversation_retention_days'])
      .where((where) =>
        where.or([
          where('secret_sha256', 'in', secretsSha256),
          where('previous_secret_sha256', 'in', secretsSha256),
        ]),
      )
      .execute();
    const asked = new Set(secretsSha256);
    const found = new Map<string, PresentedApiKey>();
    for (const row of rows) {
      const key = {
        ...toApiKeyRow(row),
        accountSuspendedAtMs: row.suspended_at_ms === null ? undefined : Number(row.suspended_at_ms),
        conversationRetentionDays: row.conversation_retention_days ?? undefined,
      };
      const { secret_sha256: current, previous_secret_sha256: previous } = row;
      if (previous !== null && asked.has(previous)) {
        found.set(previous, { ...key, secretValidUntilMs: Number(row.previous_valid_until_ms ?? 0n) });
      }
      if (asked.has(current)) found.set(current, { ...key, secretValidUntilMs: undefined });
    }
    return found;
  }
}

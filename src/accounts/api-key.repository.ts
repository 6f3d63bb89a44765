import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { toPage, type Page, type PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { comesAfter } from '../persistence/comes-after.js';
import type { Tables } from '../persistence/tables.js';
import {
  DEFAULT_KEY_RIGHTS,
  type ApiKeyChanges,
  type ApiKeyRow,
  type NewApiKey,
  type StoredApiKey,
} from '../auth/api-key.js';
import { COLUMNS, toApiKeyRow, toBigInt, toStoredApiKey, toUpdate } from '../auth/api-key.row.js';

/** Last parameter of each method: the transaction to take part in. */
@Injectable()
export class ApiKeyRepository {
  constructor(private readonly database: Database) {}

  async insert(key: NewApiKey, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('api_keys')
      .values({
        ...toUpdate({
          requestsPerMinute: key.requestsPerMinute,
          tokensPerMinute: key.tokensPerMinute,
          maxConcurrency: key.maxConcurrency,
          allowedModels: key.allowedModels,
          allowedIps: key.allowedIps,
          budgetHundredths: key.budget?.limitHundredths,
          budgetPeriod: key.budget?.period,
          expiresAtMs: key.expiresAtMs,
          manageChatbots: key.manageChatbots ?? DEFAULT_KEY_RIGHTS.manageChatbots,
          readConversations: key.readConversations ?? DEFAULT_KEY_RIGHTS.readConversations,
        }),
        id: key.id,
        account_id: key.accountId,
        name: key.name,
        secret_sha256: key.secretSha256,
        display_prefix: key.displayPrefix,
        created_at_ms: BigInt(key.createdAtMs),
        revoked_at_ms: toBigInt(key.revokedAtMs),
      })
      .execute();
  }

  async find(
    accountId: string,
    id: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<ApiKeyRow | undefined> {
    const row = await db
      .selectFrom('api_keys')
      .select(COLUMNS)
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .executeTakeFirst();
    return row && toApiKeyRow(row);
  }

  /** Those of `ids` that are keys of the account, revoked ones too. */
  async findIds(
    accountId: string,
    ids: readonly string[],
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Set<string>> {
    if (ids.length === 0) return new Set();
    const rows = await db
      .selectFrom('api_keys')
      .select('id')
      .where('account_id', '=', accountId)
      .where('id', 'in', ids)
      .execute();
    return new Set(rows.map(({ id }) => id));
  }

  /** Whoever owns it: for operators. */
  async findAny(id: string, db: Kysely<Tables> = this.database.kysely): Promise<StoredApiKey | undefined> {
    const row = await db.selectFrom('api_keys').select(COLUMNS).where('id', '=', id).executeTakeFirst();
    return row && toStoredApiKey(row);
  }

  /** Newest first, of one account or of all. */
  async list(
    accountId: string | undefined,
    { limit, after }: PageRequest,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<Page<StoredApiKey>> {
    const rows = await db
      .selectFrom('api_keys')
      .select(COLUMNS)
      .$if(accountId !== undefined, (query) => query.where('account_id', '=', accountId ?? ''))
      .where(comesAfter(after))
      .orderBy('created_at_ms', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1)
      .execute();
    return toPage(rows.map(toStoredApiKey), limit);
  }

  /**
   * Changes a key that is not revoked.
   *
   * @param expectedVersion `undefined`: whatever it is
   * @returns the key afterwards; `undefined` when there is none such
   */
  async update(
    id: string,
    changes: ApiKeyChanges,
    expectedVersion: number | undefined,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StoredApiKey | undefined> {
    const row = await db
      .updateTable('api_keys')
      .set({ version: sql`version + 1`, ...toUpdate(changes) })
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .$if(expectedVersion !== undefined, (query) => query.where('version', '=', expectedVersion ?? 0))
      .returning(COLUMNS)
      .executeTakeFirst();
    return row && toStoredApiKey(row);
  }

  /**
   * Gives a key that is not revoked another secret.
   *
   * @param previousValidUntilMs how long the present secret works on; `undefined`: no longer. One before it ends now.
   * @returns the key afterwards; `undefined` when there is none such
   */
  async replaceSecret(
    id: string,
    secret: Pick<NewApiKey, 'secretSha256' | 'displayPrefix'>,
    previousValidUntilMs: number | undefined,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<StoredApiKey | undefined> {
    const overlap = previousValidUntilMs !== undefined;
    const row = await db
      .updateTable('api_keys')
      .set({
        version: sql`version + 1`,
        previous_secret_sha256: overlap ? sql`secret_sha256` : null,
        previous_valid_until_ms: toBigInt(previousValidUntilMs),
        secret_sha256: secret.secretSha256,
        display_prefix: secret.displayPrefix,
      })
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .returning(COLUMNS)
      .executeTakeFirst();
    return row && toStoredApiKey(row);
  }

  /** @returns false when the account has no such key, or it was revoked before (that time stays) */
  async revoke(
    accountId: string,
    id: string,
    revokedAtMs: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable('api_keys')
      .set({ revoked_at_ms: BigInt(revokedAtMs), version: sql`version + 1` })
      .where('account_id', '=', accountId)
      .where('id', '=', id)
      .where('revoked_at_ms', 'is', null)
      .executeTakeFirstOrThrow();
    return numUpdatedRows > 0n;
  }

  /** Keys of all accounts, revoked ones too. */
  async countAll(db: Kysely<Tables> = this.database.kysely): Promise<number> {
    const { count } = await db
      .selectFrom('api_keys')
      .select((select) => select.fn.countAll<bigint>().as('count'))
      .executeTakeFirstOrThrow();
    return Number(count);
  }
}

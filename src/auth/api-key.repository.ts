import { Injectable } from '@nestjs/common';
import type { Kysely, Selectable } from 'kysely';
import { Database } from '../persistence/database.js';
import type { ApiKeysTable, Tables } from '../persistence/tables.js';

/** What is known of a stored key; its secret is not stored. */
export interface ApiKeyRow {
  /** `key_…` */
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  /** The first characters of the secret, for people to tell keys apart. */
  readonly displayPrefix: string;
  /** `undefined`: the configured default. */
  readonly requestsPerMinute: number | undefined;
  /** `undefined`: the configured default. */
  readonly tokensPerMinute: number | undefined;
  /** Model ids; `undefined`: all. */
  readonly allowedModels: readonly string[] | undefined;
  readonly createdAtMs: number;
  /** `undefined`: never. */
  readonly expiresAtMs: number | undefined;
  /** `undefined`: not revoked. */
  readonly revokedAtMs: number | undefined;
}

export interface NewApiKey extends ApiKeyRow {
  /** Hex SHA-256 of the secret. */
  readonly secretSha256: string;
}

const COLUMNS = [
  'id',
  'account_id',
  'name',
  'display_prefix',
  'requests_per_minute',
  'tokens_per_minute',
  'allowed_models',
  'created_at_ms',
  'expires_at_ms',
  'revoked_at_ms',
] as const satisfies readonly (keyof ApiKeysTable)[];

/** Last parameter of each method: the transaction to take part in. */
@Injectable()
export class ApiKeyRepository {
  constructor(private readonly database: Database) {}

  async insert(key: NewApiKey, db: Kysely<Tables> = this.database.kysely): Promise<void> {
    await db
      .insertInto('api_keys')
      .values({
        id: key.id,
        account_id: key.accountId,
        name: key.name,
        secret_sha256: key.secretSha256,
        display_prefix: key.displayPrefix,
        requests_per_minute: key.requestsPerMinute ?? null,
        tokens_per_minute: key.tokensPerMinute ?? null,
        allowed_models: key.allowedModels === undefined ? null : JSON.stringify(key.allowedModels),
        created_at_ms: BigInt(key.createdAtMs),
        expires_at_ms: toBigInt(key.expiresAtMs),
        revoked_at_ms: toBigInt(key.revokedAtMs),
      })
      .execute();
  }

  /**
   * The key whose secret has this hash, revoked and expired ones too: whether it may pass is the caller's rule.
   * @param secretSha256 hex
   */
  async findBySecretHash(
    secretSha256: string,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<ApiKeyRow | undefined> {
    const row = await db
      .selectFrom('api_keys')
      .select(COLUMNS)
      .where('secret_sha256', '=', secretSha256)
      .executeTakeFirst();
    return row && toApiKeyRow(row);
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

  /** @returns false when the account has no such key, or it was revoked before (that time stays) */
  async revoke(
    accountId: string,
    id: string,
    revokedAtMs: number,
    db: Kysely<Tables> = this.database.kysely,
  ): Promise<boolean> {
    const { numUpdatedRows } = await db
      .updateTable('api_keys')
      .set({ revoked_at_ms: BigInt(revokedAtMs) })
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

function toApiKeyRow(row: Pick<Selectable<ApiKeysTable>, (typeof COLUMNS)[number]>): ApiKeyRow {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    displayPrefix: row.display_prefix,
    requestsPerMinute: row.requests_per_minute ?? undefined,
    tokensPerMinute: row.tokens_per_minute ?? undefined,
    allowedModels: row.allowed_models === null ? undefined : (JSON.parse(row.allowed_models) as string[]),
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: toNumber(row.expires_at_ms),
    revokedAtMs: toNumber(row.revoked_at_ms),
  };
}

function toBigInt(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

function toNumber(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value);
}

import type { Selectable, Updateable } from 'kysely';
import type { ApiKeysTable } from '../persistence/tables.js';
import type { ApiKeyChanges, ApiKeyRow, StoredApiKey } from './api-key.js';

/** The columns that anyone reads; hashes are only compared. */
export const COLUMNS = [
  'id',
  'account_id',
  'name',
  'display_prefix',
  'requests_per_minute',
  'tokens_per_minute',
  'max_concurrency',
  'allowed_models',
  'allowed_ips',
  'budget_hundredths',
  'budget_period',
  'created_at_ms',
  'expires_at_ms',
  'revoked_at_ms',
  'previous_valid_until_ms',
  'version',
  'manage_chatbots',
  'read_conversations',
] as const satisfies readonly (keyof ApiKeysTable)[];

type Row = Pick<Selectable<ApiKeysTable>, (typeof COLUMNS)[number]>;

export function toApiKeyRow(row: Row): ApiKeyRow {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    displayPrefix: row.display_prefix,
    requestsPerMinute: row.requests_per_minute ?? undefined,
    tokensPerMinute: row.tokens_per_minute ?? undefined,
    maxConcurrency: row.max_concurrency ?? undefined,
    allowedModels: toTexts(row.allowed_models),
    allowedIps: toTexts(row.allowed_ips),
    budget:
      row.budget_hundredths === null
        ? undefined
        : { limitHundredths: row.budget_hundredths, period: row.budget_period },
    createdAtMs: Number(row.created_at_ms),
    expiresAtMs: toNumber(row.expires_at_ms),
    revokedAtMs: toNumber(row.revoked_at_ms),
    manageChatbots: row.manage_chatbots,
    readConversations: row.read_conversations,
  };
}

export function toStoredApiKey(row: Row): StoredApiKey {
  return {
    ...toApiKeyRow(row),
    version: row.version,
    budgetPeriod: row.budget_period,
    previousValidUntilMs: toNumber(row.previous_valid_until_ms),
  };
}

/** Only the columns that change. */
export function toUpdate(changes: ApiKeyChanges): Updateable<ApiKeysTable> {
  const columns: Updateable<ApiKeysTable> = {
    name: changes.name,
    requests_per_minute: changes.requestsPerMinute,
    tokens_per_minute: changes.tokensPerMinute,
    max_concurrency: changes.maxConcurrency,
    allowed_models: toJson(changes.allowedModels),
    allowed_ips: toJson(changes.allowedIps),
    budget_hundredths: changes.budgetHundredths,
    budget_period: changes.budgetPeriod,
    expires_at_ms:
      typeof changes.expiresAtMs === 'number' ? BigInt(changes.expiresAtMs) : changes.expiresAtMs,
    manage_chatbots: changes.manageChatbots,
    read_conversations: changes.readConversations,
  };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function toJson(texts: readonly string[] | null | undefined): string | null | undefined {
  return texts === undefined || texts === null ? texts : JSON.stringify(texts);
}

function toTexts(json: string | null): string[] | undefined {
  return json === null ? undefined : (JSON.parse(json) as string[]);
}

export function toBigInt(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

function toNumber(value: bigint | null): number | undefined {
  return value === null ? undefined : Number(value);
}

/**
 * The rows as both databases store them, spelt as the columns are. Repositories turn them into the interfaces that the
 * rest of the house sees; nothing else reads them.
 *
 * What comes back, on SQLite and PostgreSQL alike: `bigint` columns as `bigint`, `integer` columns as `number`,
 * `boolean` columns as `boolean`; a `count(…)` or `sum(…)` of whole numbers as `bigint`.
 */
export interface Tables {
  accounts: AccountsTable;
  api_keys: ApiKeysTable;
  price_versions: PriceVersionsTable;
  usage_records: UsageRecordsTable;
  settings: SettingsTable;
}

export interface AccountsTable {
  /** `acct_…` */
  id: string;
  name: string;
  created_at_ms: bigint;
}

export interface ApiKeysTable {
  /** `key_…` */
  id: string;
  account_id: string;
  name: string;
  /** Hex SHA-256 of the secret; the secret itself is stored nowhere. */
  secret_sha256: string;
  /** The first characters of the secret, for people to tell keys apart. */
  display_prefix: string;
  requests_per_minute: number | null;
  tokens_per_minute: number | null;
  /** JSON array of model ids; null: all. */
  allowed_models: string | null;
  created_at_ms: bigint;
  expires_at_ms: bigint | null;
  revoked_at_ms: bigint | null;
}

export interface PriceVersionsTable {
  version: string;
  model: string;
  prompt_pico_usd_per_token: bigint;
  completion_pico_usd_per_token: bigint;
  cached_prompt_pico_usd_per_token: bigint | null;
  source: 'config' | 'price-table';
  effective_from_ms: bigint;
}

export interface UsageRecordsTable {
  request_id: string;
  client_request_id: string | null;
  account_id: string;
  key_id: string;
  surface: string;
  endpoint: 'chat' | 'completions';
  model: string;
  upstream: string;
  upstream_model: string;
  streamed: boolean;
  outcome: string;
  finish_reason: string | null;
  prompt_tokens: number;
  cached_prompt_tokens: number;
  completion_tokens: number;
  reasoning_tokens: number;
  usage_source: 'upstream' | 'counted' | 'estimated';
  price_version: string;
  cost_nano_usd: bigint;
  credit_hundredths: bigint;
  created_at_ms: bigint;
  first_token_ms: number | null;
  duration_ms: number;
}

export interface SettingsTable {
  key: string;
  value: string;
}

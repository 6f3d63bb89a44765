import type { Generated } from 'kysely';
import type { BudgetPeriod } from '../common/money/budget.js';

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
  account_balances: AccountBalancesTable;
  ledger_entries: LedgerEntriesTable;
  holds: HoldsTable;
  hold_events: HoldEventsTable;
  processes: ProcessesTable;
  idempotency_records: IdempotencyRecordsTable;
  key_budgets: KeyBudgetsTable;
  webhook_events: WebhookEventsTable;
  chatbots: ChatbotsTable;
  chatbot_versions: ChatbotVersionsTable;
  conversations: ConversationsTable;
  conversation_messages: ConversationMessagesTable;
  erasures: ErasuresTable;
  account_storage: AccountStorageTable;
}

/**
 * How much an account makes us store: of each row the length of its texts and some flat bytes. Triggers keep it beside
 * the rows; nothing else writes it.
 */
export interface AccountStorageTable {
  account_id: string;
  /** Conversations, stored completions, chatbots with all their versions. */
  stored_bytes: bigint;
  conversations: bigint;
  stored_completions: bigint;
  chatbots: bigint;
  /** Answers that are kept for a day for a repeated `Idempotency-Key`. */
  kept_answer_bytes: bigint;
  /** Sums over open holds. */
  reserved_bytes: bigint;
  reserved_conversations: bigint;
  reserved_completions: bigint;
}

/** Sums of an account's entries and open holds, kept beside them so that a charge reads one row. */
export interface AccountBalancesTable {
  account_id: string;
  balance_hundredths: bigint;
  held_hundredths: bigint;
}

/** Added, never changed. */
export interface LedgerEntriesTable {
  /** `le_…`, ordered by time. */
  id: string;
  account_id: string;
  key_id: string | null;
  type: 'grant' | 'purchase' | 'settlement' | 'correction';
  /** Signed: what an account gets is positive. */
  amount_hundredths: bigint;
  request_id: string | null;
  idempotency_key: string | null;
  reason: string | null;
  price_version: string | null;
  usage_source: string | null;
  created_at_ms: bigint;
}

export interface HoldsTable {
  request_id: string;
  account_id: string;
  key_id: string;
  amount_hundredths: bigint;
  state: 'open' | 'settled' | 'released' | 'expired';
  /** The process that opened it. */
  owner: string;
  /** Completion tokens that the client has certainly been sent; what a sweeper charges. */
  relayed_tokens: number;
  /** JSON: what a sweeper needs to write the usage row of a request that it did not serve. */
  facts: string;
  opened_at_ms: bigint;
  /** The period of the key's budget that it was taken from; null: the key had no budget. */
  budget_window: string | null;
  /** Of an account's open holds, one at most has a name; null: it needs none. */
  exclusive_name: string | null;
  /** What the request will store beside its answer, while the hold is open; 0: nothing. */
  reserved_bytes: Generated<bigint>;
  reserved_conversations: Generated<bigint>;
  reserved_completions: Generated<bigint>;
}

/** What keys with a budget have spent and held in a period. */
export interface KeyBudgetsTable {
  key_id: string;
  /** `day:2026-11-22`, `week:…`, `month:…`, `total` */
  budget_window: string;
  /** The budget as a hold last saw it, and never less than what is spent and held. */
  limit_hundredths: bigint;
  spent_hundredths: bigint;
  held_hundredths: bigint;
}

export interface IdempotencyRecordsTable {
  account_id: string;
  idempotency_key: string;
  /** Hex SHA-256 of what was asked; 64 zeros: the answer was erased, and this with it. */
  fingerprint: string;
  owner: string;
  request_id: string;
  /** JSON or frames, as sent, sealed where `sealed_with` names a key; null: the first execution has not ended. */
  body: string | null;
  conversation_id: string | null;
  created_at_ms: bigint;
  /** `conversationKey` of `conversation_id`. */
  conversation_key: string | null;
  sealed_with: string | null;
}

/** What the operator's receiver is told, at least once. */
export interface WebhookEventsTable {
  /** `evt_…`, ordered by time. */
  id: string;
  type: string;
  /** JSON, the same bytes at every attempt. */
  body: string;
  state: 'pending' | 'delivered' | 'given_up';
  /** Begun so far; also tells a late outcome from the present attempt's. */
  attempts: number;
  /** When a pending event may be sent; while it is being sent, when it may be sent again should nobody say how it went. */
  due_at_ms: bigint;
  /** A status or an error code, never a receiver's words. */
  last_failure: string | null;
  created_at_ms: bigint;
}

/** Replicas on one server database, each seen alive at a time of the database's own clock. */
export interface ProcessesTable {
  id: string;
  seen_at_ms: bigint;
}

/** The history of holds. */
export interface HoldEventsTable {
  /** `<request_id>:<event>`, with a number where an event may come again. */
  id: string;
  request_id: string;
  event: 'opened' | 'extended' | 'settled' | 'released' | 'expired';
  /** Held after the event (`opened`, `extended`), captured (`settled`) or freed (`released`, `expired`). */
  amount_hundredths: bigint;
  at_ms: bigint;
}

export interface AccountsTable {
  /** `acct_…` */
  id: string;
  name: string;
  created_at_ms: bigint;
  /** Raised by every change. */
  version: Generated<number>;
  /** null: active. */
  suspended_at_ms: bigint | null;
  /** null: conversations are kept until they are deleted; 0: nothing is stored. */
  conversation_retention_days: number | null;
  /** The most that it may store; `null`: the configured default. */
  max_stored_bytes: bigint | null;
  max_conversations: bigint | null;
  max_stored_completions: bigint | null;
  max_chatbots: bigint | null;
  /** Of each chatbot. */
  max_chatbot_versions: bigint | null;
  max_kept_answer_bytes: bigint | null;
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
  /** Raised by every change. */
  version: Generated<number>;
  max_concurrency: number | null;
  /** JSON array of addresses and networks; null: all. */
  allowed_ips: string | null;
  /** null: none. */
  budget_hundredths: bigint | null;
  budget_period: Generated<BudgetPeriod>;
  /** The secret before the last rotation, good until `previous_valid_until_ms`. */
  previous_secret_sha256: string | null;
  previous_valid_until_ms: bigint | null;
  /** Whether it may read and change the account's chatbots, system prompts included. */
  manage_chatbots: Generated<boolean>;
  /** Whether it may list, read, change and delete what the account's conversations hold. */
  read_conversations: Generated<boolean>;
}

export interface PriceVersionsTable {
  version: string;
  model: string;
  prompt_pico_usd_per_token: bigint;
  completion_pico_usd_per_token: bigint;
  cached_prompt_pico_usd_per_token: bigint | null;
  audio_prompt_pico_usd_per_token: bigint | null;
  audio_completion_pico_usd_per_token: bigint | null;
  /** Once a request. */
  web_search_pico_usd: bigint | null;
  /** `null`: the standard one. */
  service_tier: string | null;
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
  /** JSON array of `FailedAttempt`; null: none. */
  failed_attempts: string | null;
  /** JSON of `RequestProvenance`; null: neither chatbot nor conversation had a part in it. */
  context: string | null;
}

export interface SettingsTable {
  key: string;
  value: string;
}

/** Presets over models. */
export interface ChatbotsTable {
  /** `bot_…` */
  id: string;
  account_id: string;
  /** JSON array of ids of the keys that may use it; null: all of the account's. */
  key_ids: string | null;
  newest_version: number;
  /** What callers get; null: nothing yet. */
  published_version: number | null;
  /** Raised by every change. */
  revision: number;
  created_at_ms: bigint;
  updated_at_ms: bigint;
}

/** Added, never changed. */
export interface ChatbotVersionsTable {
  chatbot_id: string;
  /** From 1. */
  version: number;
  /** JSON of `ChatbotSettings`. */
  settings: string;
  /** Length of `settings`, so that a page of many need not be read to know that it is too long. */
  settings_chars: number;
  /** JSON of `ChatbotListing`: what a list of models shows of it. */
  listing: string;
  restored_from: number | null;
  created_at_ms: bigint;
}

/** Conversations, and completions that were asked to be stored. */
export interface ConversationsTable {
  /** `conv_…`; of a stored completion `chatcmpl-…`. */
  id: string;
  account_id: string;
  /** '': with a plain model. */
  chatbot_id: string;
  /** The id that the client knows it by. */
  client_id: string;
  /** `conversationKey` of `client_id`; unique with the chatbot. */
  client_key: string;
  kind: 'conversation' | 'completion';
  /** As last asked for, of a completion as asked for; null: no turn yet. */
  model: string | null;
  /** JSON of `ConversationHead`, of a completion of `CompletionHead`; sealed where `sealed_with` names a key. */
  head: string;
  /** Name of the encryption key; null: plain. */
  sealed_with: string | null;
  message_count: number;
  turn_count: number;
  /** Of the next message; never used twice. */
  next_seq: number;
  /** Raised by every change of what it says. */
  version: number;
  created_at_ms: bigint;
  updated_at_ms: bigint;
}

export interface ConversationMessagesTable {
  conversation_id: string;
  /** From 1, ascending; gaps where messages were deleted. 0: the answer of a stored completion. */
  seq: number;
  /** `msg_…` */
  id: string;
  /** From 1: the exchange that it belongs to. */
  turn: number;
  role: string;
  /** UTF-8 length of all that a model reads of it: no tokenizer makes more tokens of it. */
  bytes: number;
  /** JSON of `MessageBody`, of `seq` 0 the answer as it was given; sealed where `sealed_with` names a key. */
  body: string;
  sealed_with: string | null;
  /** The request that stored it; null: it was put there by hand. */
  request_id: string | null;
  created_at_ms: bigint;
}

/** Conversations that are gone, but for messages that are still to be deleted. */
export interface ErasuresTable {
  conversation_id: string;
  account_id: string;
}

/**
 * Everything an operator can set, parsed once at start and frozen. Injected under its class name; nothing else reads
 * `process.env`. Meaning, unit and default of each variable: `.env.example`.
 */
import type { UpstreamTimeouts } from '../contracts/upstream-timeouts.js';

export interface ServerConfig {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Largest request body after decompression. */
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  /** Origins that browsers may call from; `['*']` is any. Admin routes never allow any. */
  readonly corsOrigins: readonly string[];
  /** How long open answers may go on after SIGTERM before they are cut. */
  readonly drainTimeoutMs: number;
  /** Proxies in front whose X-Forwarded-For is believed; 0: none. */
  readonly trustedProxyHops: number;
  /** A further file that holds the process's id while it runs; `undefined`: none beside the data folder's. */
  readonly pidFile: string | undefined;
}

export interface StreamConfig {
  /** Silence on a stream after which a `: keep-alive` comment is sent. */
  readonly heartbeatMs: number;
  /** A client that takes no byte for this long is cut off and billed for what was relayed. */
  readonly writeStallMs: number;
  /** How long a stream's status line waits for its first event, so that failures before it are real statuses. */
  readonly headersHoldMs: number;
  /** How long an answer that may have been thought about unseen is read on for its usage, when its client has left. */
  readonly leftStreamReadMs: number;
}

export interface StorageConfig {
  /** Folder of the embedded database; created when missing. */
  readonly dataDir: string;
  /** `postgres://…`; `undefined`: SQLite in `dataDir`. Secret. */
  readonly databaseUrl: string | undefined;
  /** A replica that has shown no sign of life for so long is dead: others resolve what it held. */
  readonly processDeadAfterMs: number;
  /** Checked, and not used yet: each process counts for itself. Secret. */
  readonly redisUrl: string | undefined;
  /** Encrypt what is kept of conversations: the first seals, all open. Empty: it is kept plain. */
  readonly conversationKeys: readonly ConversationKey[];
  /** The most that an account may store that has no limits of its own. */
  readonly defaultLimits: DefaultStorageLimits;
}

/** What each bounds: `StorageLimits`. */
export interface DefaultStorageLimits {
  readonly storedBytes: number;
  readonly conversations: number;
  readonly storedCompletions: number;
  readonly chatbots: number;
  readonly chatbotVersions: number;
  readonly keptAnswerBytes: number;
}

/** A key of AES-256-GCM. */
export interface ConversationKey {
  /** Stored with what it sealed. */
  readonly name: string;
  /** 32 bytes, base64. Secret. */
  readonly secret: string;
}

export interface AccessConfig {
  /** Secret of the admin API; `undefined`: made on the first boot and printed once. */
  readonly adminKey: string | undefined;
  /** Secret of the first account's first key; `undefined`: made on the first boot and printed once. */
  readonly bootstrapApiKey: string | undefined;
  /** Opening credits of the first account, in hundredths of a credit. */
  readonly bootstrapCreditHundredths: bigint;
  /** A key's limits where it has none of its own. */
  readonly defaultRequestsPerMinute: number;
  readonly defaultTokensPerMinute: number;
  /** Failed authentications a minute from one address before it gets 429. */
  readonly failedAuthPerMinute: number;
  /** Longest time that another process's revocation of a key may go unnoticed here. */
  readonly keyCacheTtlMs: number;
}

export interface MoneyConfig {
  /** Price of one credit in nano-USD (0.005 USD = 5 000 000). */
  readonly creditNanoUsd: bigint;
}

/** One configured endpoint with a credential. */
export interface UpstreamConfig {
  readonly name: string;
  /** Which adapter speaks to it: `sandbox`, `openai`, `anthropic`, `google`. */
  readonly protocol: 'sandbox' | 'openai' | 'anthropic' | 'google';
  readonly baseUrl: string | undefined;
  /** Secret; sent to `baseUrl` only. */
  readonly apiKey: string | undefined;
  /** Most sockets to it at a time. */
  readonly maxConnections: number;
  readonly timeouts: UpstreamTimeouts;
  /** Serve the models that it lists itself (`GET {base_url}/models`), as `<name>/<id>`. */
  readonly discover: boolean;
  /** A written price for every discovered model that has none of its own; `"0"` is free, in writing. */
  readonly discoveredPricing: PricingConfig | undefined;
  /** Whose list prices hold here, by the price table's name for them (`openai`); absent: told by `baseUrl`. */
  readonly priceProvider?: string | undefined;
}

/** USD per token, decimal strings as in the models list. */
export interface TokenPricing {
  readonly prompt: string;
  readonly completion: string;
  readonly cachedPrompt?: string | undefined;
  readonly audioPrompt?: string | undefined;
  readonly audioCompletion?: string | undefined;
}

/** Service tiers that cost otherwise than the standard one. */
export const PRICED_TIERS = ['flex', 'scale', 'priority', 'fast'] as const;
export type PricedTier = (typeof PRICED_TIERS)[number];

export interface PricingConfig extends TokenPricing {
  /** USD for a request that may search the web; absent: none may. */
  readonly webSearch?: string | undefined;
  /** Absent tiers are not sold. */
  readonly tiers?: Readonly<Partial<Record<PricedTier, TokenPricing>>> | undefined;
}

export interface RouteConfig {
  readonly upstream: string;
  /** The id sent to the upstream. */
  readonly model: string;
  /** Lower is tried first. */
  readonly priority: number;
  /** Share among routes of one priority. */
  readonly weight: number;
}

export interface ModelConfig {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** `''`: not said; each surface shows its own default. */
  readonly ownedBy: string;
  /** Unix seconds; 0: not said. */
  readonly created: number;
  /** Tokens; 0: unknown. */
  readonly contextLength: number;
  /** Tokens; 0: unknown. */
  readonly maxCompletionTokens: number;
  /** `undefined`: the price table; in neither, the model is refused. */
  readonly pricing: PricingConfig | undefined;
  /** `native`: the upstreams have `/completions` for it; `chat`: legacy completions go over chat. */
  readonly completions: 'native' | 'chat';
  /** Whether it may think without showing it; `undefined`: what is known of the models behind it. */
  readonly reasoning?: boolean | undefined;
  readonly routes: readonly RouteConfig[];
}

/** What `tollgate.yaml` (or the environment alone) says: where models are and what they cost. Reloaded on SIGHUP. */
export interface CatalogueConfig {
  readonly upstreams: readonly UpstreamConfig[];
  readonly models: readonly ModelConfig[];
}

/** Where operators are told what happens to credits and keys. */
export interface WebhookConfig {
  /** Their own receiver, so it may be anywhere. Secret: its path or query may hold a token. */
  readonly url: string;
  /** Signs what is sent. Secret. */
  readonly secret: string;
  /** Tell when a balance falls to this, hundredths of a credit, or below; `undefined`: never. */
  readonly lowBalanceHundredths: bigint | undefined;
}

export interface LogConfig {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** `auto`: text where standard output is a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'text';
  /** Whether text in a terminal has colours. */
  readonly coloured: boolean;
}

export abstract class AppConfig {
  abstract readonly server: ServerConfig;
  abstract readonly stream: StreamConfig;
  abstract readonly storage: StorageConfig;
  abstract readonly access: AccessConfig;
  abstract readonly money: MoneyConfig;
  /** `undefined`: nobody is told, and nothing is written for it. */
  abstract readonly webhooks: WebhookConfig | undefined;
  abstract readonly log: LogConfig;
  abstract readonly catalogue: CatalogueConfig;
  /** Where the catalogue came from, for messages and for SIGHUP; `undefined`: the environment alone. */
  abstract readonly configFile: string | undefined;
}

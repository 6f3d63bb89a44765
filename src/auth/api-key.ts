import type { Budget, BudgetPeriod } from '../common/money/budget.js';

/** What a key may do besides calling models. */
export interface KeyRights {
  /** Read and change the account's chatbots, system prompts included. */
  readonly manageChatbots: boolean;
  /** List, read, change and delete what the account's conversations hold. */
  readonly readConversations: boolean;
}

/** What a new key may do where its creator says nothing. */
export const DEFAULT_KEY_RIGHTS: KeyRights = { manageChatbots: false, readConversations: true };

/** What is known of a stored key; its secret is not stored. */
export interface ApiKeyRow extends KeyRights {
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
  /** Inference requests at a time; `undefined`: any number. */
  readonly maxConcurrency?: number | undefined;
  /** Addresses and networks that it may be used from; `undefined`: all. */
  readonly allowedIps?: readonly string[] | undefined;
  /** `undefined`: none. */
  readonly budget?: Budget | undefined;
}

export interface NewApiKey extends Omit<ApiKeyRow, keyof KeyRights> {
  /** Hex SHA-256 of the secret. */
  readonly secretSha256: string;
  /** Absent: as `DEFAULT_KEY_RIGHTS`. */
  readonly manageChatbots?: boolean | undefined;
  /** Absent: as `DEFAULT_KEY_RIGHTS`. */
  readonly readConversations?: boolean | undefined;
}

/** A key that was found by its secret. */
export interface PresentedApiKey extends ApiKeyRow {
  /** When the secret that was shown ends, which a rotation has replaced; `undefined`: it is the present one. */
  readonly secretValidUntilMs: number | undefined;
  /** `undefined`: its account is active. */
  readonly accountSuspendedAtMs: number | undefined;
  /** Of its account; 0: nothing is stored; `undefined`: until deleted. */
  readonly conversationRetentionDays: number | undefined;
}

/** A key as operators see it. */
export interface StoredApiKey extends ApiKeyRow {
  /** Raised by every change. */
  readonly version: number;
  /** Kept when there is no budget. */
  readonly budgetPeriod: BudgetPeriod;
  /** Until when the secret before the last rotation works; `undefined`: it does not. */
  readonly previousValidUntilMs: number | undefined;
}

/** What to change of a key; absent: nothing, `null`: take that limit away. */
export interface ApiKeyChanges {
  readonly name?: string | undefined;
  readonly requestsPerMinute?: number | null | undefined;
  readonly tokensPerMinute?: number | null | undefined;
  readonly maxConcurrency?: number | null | undefined;
  readonly allowedModels?: readonly string[] | null | undefined;
  readonly allowedIps?: readonly string[] | null | undefined;
  readonly budgetHundredths?: bigint | null | undefined;
  readonly budgetPeriod?: BudgetPeriod | undefined;
  readonly expiresAtMs?: number | null | undefined;
  readonly manageChatbots?: boolean | undefined;
  readonly readConversations?: boolean | undefined;
}

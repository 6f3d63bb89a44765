import type { Budget, BudgetPeriod } from '../common/money/budget.js';

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
  /** Inference requests at a time; `undefined`: any number. */
  readonly maxConcurrency?: number | undefined;
  /** Addresses and networks that it may be used from; `undefined`: all. */
  readonly allowedIps?: readonly string[] | undefined;
  /** `undefined`: none. */
  readonly budget?: Budget | undefined;
}

export interface NewApiKey extends ApiKeyRow {
  /** Hex SHA-256 of the secret. */
  readonly secretSha256: string;
}

/** A key that was found by its secret. */
export interface PresentedApiKey extends ApiKeyRow {
  /** When the secret that was shown ends, which a rotation has replaced; `undefined`: it is the present one. */
  readonly secretValidUntilMs: number | undefined;
  /** `undefined`: its account is active. */
  readonly accountSuspendedAtMs: number | undefined;
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
}

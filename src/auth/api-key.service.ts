import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import type { Principal } from '../common/principal.js';
import { AppConfig } from '../config/app-config.js';
import { ApiKeyRepository, type ApiKeyRow } from './api-key.repository.js';
import { invalidKey } from './credentials.js';
import { FailedAttempts } from './failed-attempts.js';
import { hashSecret } from './secret.js';

interface CachedKey {
  readonly principal: Principal;
  readonly expiresAtMs: number | undefined;
  /** Monotonic; the row is read again afterwards. */
  readonly freshUntilMs: number;
}

const MAX_CACHED_KEYS = 100_000;

/**
 * Secret → principal, by hash. Known keys are answered from memory for `KEY_CACHE_TTL_MS`: the longest that another
 * process's revocation can go unnoticed here (our own takes effect at once, see `forget`). Unknown secrets are never
 * cached, so they cannot fill the memory.
 */
@Injectable()
export class ApiKeyService {
  private readonly cache = new Map<string, CachedKey>();
  /** How often a key was changed in this process. */
  private changes = 0;

  constructor(
    private readonly repository: ApiKeyRepository,
    private readonly attempts: FailedAttempts,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /**
   * @param address of the caller, for the limit on failures
   * @throws DomainError `invalid_api_key` for unknown, revoked and expired keys alike; `too_many_failed_attempts`;
   *   `storage_unavailable`
   */
  async authenticate(secret: string, address: string): Promise<Principal> {
    const hash = hashSecret(secret);
    const cached = this.cache.get(hash);
    if (cached !== undefined && this.clock.monotonicMs() < cached.freshUntilMs) {
      if (this.expired(cached.expiresAtMs)) throw invalidKey(secret);
      return cached.principal;
    }
    // A key that was good until now is looked up in any case: neighbours behind one address cannot lock it out.
    if (cached === undefined) this.attempts.refuseIfExhausted(address);
    const { changes } = this;
    const row = await this.repository.findBySecretHash(hash);
    if (row === undefined || row.revokedAtMs !== undefined || this.expired(row.expiresAtMs)) {
      this.cache.delete(hash);
      this.attempts.record(address);
      throw invalidKey(secret);
    }
    const principal = this.principalOf(row);
    // A row that was read while keys changed may be an old one.
    if (changes === this.changes) this.remember(hash, principal, row.expiresAtMs);
    return principal;
  }

  /** Drops a key from memory: called when it is changed or revoked in this process. */
  forget(secretHash: string): void {
    this.changes += 1;
    this.cache.delete(secretHash);
  }

  private principalOf(row: ApiKeyRow): Principal {
    const { access } = this.config;
    return Object.freeze({
      accountId: row.accountId,
      keyId: row.id,
      requestsPerMinute: row.requestsPerMinute ?? access.defaultRequestsPerMinute,
      tokensPerMinute: row.tokensPerMinute ?? access.defaultTokensPerMinute,
      allowedModels: row.allowedModels ?? null,
    });
  }

  private remember(hash: string, principal: Principal, expiresAtMs: number | undefined): void {
    if (this.cache.size >= MAX_CACHED_KEYS) this.cache.clear();
    this.cache.set(hash, {
      principal,
      expiresAtMs,
      freshUntilMs: this.clock.monotonicMs() + this.config.access.keyCacheTtlMs,
    });
  }

  private expired(expiresAtMs: number | undefined): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.clock.nowMs();
  }
}

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
    this.attempts.refuseIfExhausted(address);
    const row = await this.repository.findBySecretHash(hash);
    if (row === undefined || row.revokedAtMs !== undefined || this.expired(row.expiresAtMs)) {
      this.cache.delete(hash);
      this.attempts.record(address);
      throw invalidKey(secret);
    }
    return this.remember(hash, row);
  }

  /** Drops a key from memory: called when it is changed or revoked in this process. */
  forget(secretHash: string): void {
    this.cache.delete(secretHash);
  }

  private remember(hash: string, row: ApiKeyRow): Principal {
    const { access } = this.config;
    const principal: Principal = Object.freeze({
      accountId: row.accountId,
      keyId: row.id,
      requestsPerMinute: row.requestsPerMinute ?? access.defaultRequestsPerMinute,
      tokensPerMinute: row.tokensPerMinute ?? access.defaultTokensPerMinute,
      allowedModels: row.allowedModels ?? null,
    });
    if (this.cache.size >= MAX_CACHED_KEYS) this.cache.clear();
    this.cache.set(hash, {
      principal,
      expiresAtMs: row.expiresAtMs,
      freshUntilMs: this.clock.monotonicMs() + access.keyCacheTtlMs,
    });
    return principal;
  }

  private expired(expiresAtMs: number | undefined): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.clock.nowMs();
  }
}

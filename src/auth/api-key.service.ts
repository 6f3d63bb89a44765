import { Injectable } from '@nestjs/common';
import { BoundedCache } from '../common/bounded-cache.js';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { Principal } from '../common/principal.js';
import { AppConfig } from '../config/app-config.js';
import { AddressList } from './address-list.js';
import type { PresentedApiKey } from './api-key.js';
import { invalidKey } from './credentials.js';
import { FailedAttemptsService } from './failed-attempts.service.js';
import { GuessLookup } from './guess-lookup.js';
import { PresentedKeyRepository } from './presented-key.repository.js';
import { hashSecret } from './secret.js';

interface CachedKey {
  readonly principal: Principal;
  readonly suspended: boolean;
  /** `undefined`: from anywhere. */
  readonly addresses: AddressList | undefined;
  /** When the key, or the secret that was shown, ends. */
  readonly expiresAtMs: number | undefined;
  /** Monotonic; the row is read again afterwards. */
  readonly freshUntilMs: number;
}

const MAX_CACHED_KEYS = 100_000;

/**
 * Secret → principal, by hash. Known keys are answered from memory for `KEY_CACHE_TTL_MS`: the longest that another
 * process's change of a key can go unnoticed here (our own takes effect at once, see `forget`). Unknown secrets are
 * never cached, so they cannot fill the memory.
 */
@Injectable()
export class ApiKeyService {
  private readonly cache = new BoundedCache<CachedKey>(MAX_CACHED_KEYS);
  private readonly guesses: GuessLookup<PresentedApiKey>;
  /** How often a key was changed in this process. */
  private changes = 0;

  constructor(
    private readonly repository: PresentedKeyRepository,
    private readonly attempts: FailedAttemptsService,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {
    this.guesses = new GuessLookup((hashes) => this.repository.findBySecretHashes(hashes));
  }

  /**
   * @param address of the caller, for the key's own list and for the limit on failures
   * @throws DomainError `invalid_api_key` for unknown and revoked keys alike; `api_key_expired`, `account_suspended` and
   *   `address_not_allowed` for who shows the right secret; `too_many_failed_attempts` in place of the first two where
   *   the address failed too often; `storage_unavailable`
   */
  async authenticate(secret: string, address: string): Promise<Principal> {
    const key = await this.find(secret, address);
    if (key.suspended) throw accountSuspended();
    if (key.addresses !== undefined && !key.addresses.has(address)) throw addressNotAllowed(address);
    return key.principal;
  }

  /**
   * Whether it is the secret of a key, ended or not; for who shows it where another kind of key is wanted.
   * @throws DomainError `storage_unavailable`
   */
  async knows(secret: string, address: string): Promise<boolean> {
    const hash = hashSecret(secret);
    if (this.cache.get(hash) !== undefined) return true;
    const row = await this.lookUp(hash, this.attempts.exhausted('admin-key', address));
    return row !== undefined && row.revokedAtMs === undefined;
  }

  /** Drops the keys of an account, or one of them, from memory: called after each change in this process. */
  forget({ accountId, keyId }: { readonly accountId: string; readonly keyId?: string }): void {
    this.changes += 1;
    // Changes are rare, and two secrets may lead to one key: looking at all of them is simpler than an index.
    this.cache.deleteWhere(
      ({ principal }) =>
        principal.accountId === accountId && (keyId === undefined || principal.keyId === keyId),
    );
  }

  private async find(secret: string, address: string): Promise<CachedKey> {
    const hash = hashSecret(secret);
    const cached = this.cache.get(hash);
    if (cached !== undefined && this.clock.monotonicMs() < cached.freshUntilMs) {
      if (this.expired(cached.expiresAtMs)) throw keyExpired(cached.expiresAtMs);
      return cached;
    }
    const { changes } = this;
    const row = await this.lookUp(hash, cached === undefined && this.attempts.exhausted('api-key', address));
    const endedAtMs = row && endOf(row);
    if (row === undefined || row.revokedAtMs !== undefined || this.expired(endedAtMs)) {
      this.cache.delete(hash);
      this.attempts.record('api-key', address);
      throw row === undefined || row.revokedAtMs !== undefined ? invalidKey(secret) : keyExpired(endedAtMs);
    }
    const key = this.toCachedKey(row);
    // A row that was read while keys changed may be an old one.
    if (changes === this.changes) this.cache.set(hash, key);
    return key;
  }

  /** @param guessing the caller's address failed too often: its look-ups must cost the database next to nothing */
  private lookUp(hash: string, guessing: boolean): Promise<PresentedApiKey | undefined> {
    return guessing ? this.guesses.find(hash) : this.repository.findBySecretHash(hash);
  }

  private toCachedKey(row: PresentedApiKey): CachedKey {
    return {
      principal: this.principalOf(row),
      suspended: row.accountSuspendedAtMs !== undefined,
      addresses: row.allowedIps && new AddressList(row.allowedIps),
      expiresAtMs: endOf(row),
      freshUntilMs: this.clock.monotonicMs() + this.config.access.keyCacheTtlMs,
    };
  }

  private principalOf(row: PresentedApiKey): Principal {
    const { access } = this.config;
    return Object.freeze({
      accountId: row.accountId,
      keyId: row.id,
      requestsPerMinute: row.requestsPerMinute ?? access.defaultRequestsPerMinute,
      tokensPerMinute: row.tokensPerMinute ?? access.defaultTokensPerMinute,
      allowedModels: row.allowedModels ?? null,
      maxConcurrency: row.maxConcurrency ?? null,
      budget: row.budget ?? null,
      manageChatbots: row.manageChatbots,
      readConversations: row.readConversations,
      conversationRetentionDays: row.conversationRetentionDays ?? null,
    });
  }

  private expired(expiresAtMs: number | undefined): boolean {
    return expiresAtMs !== undefined && expiresAtMs <= this.clock.nowMs();
  }
}

function keyExpired(atMs: number | undefined): DomainError {
  const when = atMs === undefined ? '' : ` at ${new Date(atMs).toISOString()}`;
  return new DomainError(
    'api_key_expired',
    `This API key expired${when}. Use another key, or ask for a new one.`,
  );
}

function accountSuspended(): DomainError {
  return new DomainError(
    'account_suspended',
    'The account of this API key is suspended. Ask the operator of this server to reactivate it.',
  );
}

function addressNotAllowed(address: string): DomainError {
  return new DomainError(
    'address_not_allowed',
    `This API key may not be used from your address, ${address}. Call from an allowed one, or have it added to allowed_ips of the key.`,
  );
}

/** When the key or the secret that was shown ends, whichever is sooner. */
function endOf({ expiresAtMs, secretValidUntilMs }: PresentedApiKey): number | undefined {
  if (expiresAtMs === undefined || secretValidUntilMs === undefined) return expiresAtMs ?? secretValidUntilMs;
  return Math.min(expiresAtMs, secretValidUntilMs);
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { AppConfig } from '../config/app-config.js';
import { SettingsRepository } from '../persistence/settings.repository.js';
import { invalidKey } from './credentials.js';
import { FailedAttemptsService } from './failed-attempts.service.js';
import { hashSecret, sameHash } from './secret.js';

/** A key that was replaced in the database ends so soon, and the new one begins. */
const REREAD_AFTER_MS = 1_000;

export const ADMIN_KEY_SETTING = 'admin_key_sha256';

/** The operator's one secret: `ADMIN_KEY` where it is set, else the one made on the first boot (its hash is stored). */
@Injectable()
export class AdminKeyService {
  private hash: string | undefined;
  private readAtMs = -Infinity;

  constructor(
    private readonly config: AppConfig,
    private readonly settings: SettingsRepository,
    private readonly attempts: FailedAttemptsService,
    private readonly clock: Clock,
  ) {}

  /**
   * The right key passes whatever others at the same address did before.
   * @throws DomainError `invalid_api_key`, `too_many_failed_attempts`, `storage_unavailable`
   */
  async verify(secret: string, address: string): Promise<void> {
    if (await this.is(secret)) return;
    this.attempts.record('admin-key', address);
    throw invalidKey(secret);
  }

  /**
   * Whether it is the admin key; for who shows it where an API key is wanted. Counts nothing.
   * @throws DomainError `storage_unavailable`
   */
  async is(secret: string): Promise<boolean> {
    const expected = await this.expectedHash();
    return expected !== undefined && sameHash(hashSecret(secret), expected);
  }

  private async expectedHash(): Promise<string | undefined> {
    const { adminKey } = this.config.access;
    if (adminKey !== undefined) return (this.hash ??= hashSecret(adminKey));
    const nowMs = this.clock.monotonicMs();
    if (this.hash === undefined || nowMs - this.readAtMs >= REREAD_AFTER_MS) {
      this.hash = await this.settings.find(ADMIN_KEY_SETTING);
      this.readAtMs = nowMs;
    }
    return this.hash;
  }
}

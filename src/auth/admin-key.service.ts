import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { SettingsRepository } from '../persistence/settings.repository.js';
import { invalidKey } from './credentials.js';
import { FailedAttemptsService } from './failed-attempts.service.js';
import { hashSecret, sameHash } from './secret.js';

export const ADMIN_KEY_SETTING = 'admin_key_sha256';

/** The operator's one secret: `ADMIN_KEY` where it is set, else the one made on the first boot (its hash is stored). */
@Injectable()
export class AdminKeyService {
  private hash: string | undefined;

  constructor(
    private readonly config: AppConfig,
    private readonly settings: SettingsRepository,
    private readonly attempts: FailedAttemptsService,
  ) {}

  /**
   * The right key passes whatever others at the same address did before.
   * @throws DomainError `invalid_api_key`, `too_many_failed_attempts`, `storage_unavailable`
   */
  async verify(secret: string, address: string): Promise<void> {
    const expected = await this.expectedHash();
    if (expected !== undefined && sameHash(hashSecret(secret), expected)) return;
    this.attempts.record('admin-key', address);
    throw invalidKey(secret);
  }

  private async expectedHash(): Promise<string | undefined> {
    const { adminKey } = this.config.access;
    this.hash ??= adminKey === undefined ? await this.settings.find(ADMIN_KEY_SETTING) : hashSecret(adminKey);
    return this.hash;
  }
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { newRowId } from '../common/ids/ids.js';
import { AppConfig } from '../config/app-config.js';
import { Database } from '../persistence/database.js';
import { SettingsRepository } from '../persistence/settings.repository.js';
import { inTransaction } from '../persistence/transaction.js';
import { AccountsService } from './accounts.service.js';
import { ADMIN_KEY_SETTING } from '../auth/admin-key.service.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { displayPrefix, hashSecret, newAdminSecret, newApiKeySecret } from '../auth/secret.js';

/** Secrets made on the first boot: the only time that anyone can read them. */
export interface FirstBoot {
  /** `undefined` where the operator set `BOOTSTRAP_API_KEY`. */
  readonly apiKey: string | undefined;
  /** `undefined` where the operator set `ADMIN_KEY`. */
  readonly adminKey: string | undefined;
}

const FIRST_ACCOUNT_SETTING = 'first_account_id';

/** Makes the first account, its key and the admin key, once an installation, however many processes start. */
@Injectable()
export class BootstrapService {
  constructor(
    private readonly database: Database,
    private readonly accounts: AccountsService,
    private readonly keys: ApiKeyRepository,
    private readonly settings: SettingsRepository,
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /** Of the account that the first boot made; `undefined` before it. */
  firstAccountId(): Promise<string | undefined> {
    return this.settings.find(FIRST_ACCOUNT_SETTING);
  }

  /** @returns the secrets when this call made them, else `undefined` */
  async firstBoot(): Promise<FirstBoot | undefined> {
    if ((await this.firstAccountId()) !== undefined) return undefined;
    const { access } = this.config;
    const apiKey = access.bootstrapApiKey ?? newApiKeySecret();
    const adminKey = access.adminKey === undefined ? newAdminSecret() : undefined;

    return inTransaction(this.database.kysely, async (trx) => {
      const accountId = newRowId('acct');
      // First writer wins; the others find everything made.
      if (!(await this.settings.putIfAbsent(FIRST_ACCOUNT_SETTING, accountId, trx))) return undefined;
      if (adminKey !== undefined) {
        await this.settings.putIfAbsent(ADMIN_KEY_SETTING, hashSecret(adminKey), trx);
      }
      const createdAtMs = this.clock.nowMs();
      await this.accounts.createIn(
        trx,
        { id: accountId, name: 'default', createdAtMs },
        access.bootstrapCreditHundredths,
      );
      await this.keys.insert(
        {
          id: newRowId('key'),
          accountId,
          name: 'default',
          secretSha256: hashSecret(apiKey),
          displayPrefix: displayPrefix(apiKey),
          requestsPerMinute: undefined,
          tokensPerMinute: undefined,
          allowedModels: undefined,
          createdAtMs,
          expiresAtMs: undefined,
          revokedAtMs: undefined,
          manageChatbots: true,
        },
        trx,
      );
      // What the operator chose is known already, and does not belong into whatever collects our output.
      return { apiKey: access.bootstrapApiKey === undefined ? apiKey : undefined, adminKey };
    });
  }
}

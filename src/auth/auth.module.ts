import { Global, Module } from '@nestjs/common';
import { AccountRepository } from './account.repository.js';
import { AdminKeyService } from './admin-key.service.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeyService } from './api-key.service.js';
import { FailedAttempts } from './failed-attempts.js';
import { KeyListeners } from './key-listeners.js';

/** Keys → principals. The guard itself is put before every route in `app.module.ts`. */
@Global()
@Module({
  providers: [
    AccountRepository,
    ApiKeyRepository,
    ApiKeyService,
    AdminKeyService,
    FailedAttempts,
    KeyListeners,
  ],
  exports: [ApiKeyService, AdminKeyService, ApiKeyRepository, AccountRepository, KeyListeners],
})
export class AuthModule {}

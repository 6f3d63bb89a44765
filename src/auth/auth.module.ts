import { Module } from '@nestjs/common';
import { AccountRepository } from './account.repository.js';
import { AdminKeyService } from './admin-key.service.js';
import { ApiKeyRepository } from './api-key.repository.js';
import { ApiKeyService } from './api-key.service.js';
import { FailedAttemptsService } from './failed-attempts.service.js';
import { KeyListenersService } from './key-listeners.service.js';

/** Keys → principals. The guard itself is put before every route in `app.module.ts`. */
@Module({
  providers: [
    AccountRepository,
    ApiKeyRepository,
    ApiKeyService,
    AdminKeyService,
    FailedAttemptsService,
    KeyListenersService,
  ],
  exports: [ApiKeyService, AdminKeyService, ApiKeyRepository, AccountRepository, KeyListenersService],
})
export class AuthModule {}

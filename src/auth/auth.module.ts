import { Module } from '@nestjs/common';
import { AdminKeyService } from './admin-key.service.js';
import { ApiKeyService } from './api-key.service.js';
import { FailedAttemptsService } from './failed-attempts.service.js';
import { PresentedKeyRepository } from './presented-key.repository.js';

/** Keys → principals. The guard itself is put before every route in `app.module.ts`. */
@Module({
  providers: [PresentedKeyRepository, ApiKeyService, AdminKeyService, FailedAttemptsService],
  exports: [ApiKeyService, AdminKeyService],
})
export class AuthModule {}

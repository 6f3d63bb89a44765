import { Module } from '@nestjs/common';
import { QuotasModule } from '../quotas/quotas.module.js';
import { IdempotencyRepository } from './idempotency.repository.js';
import { IdempotencyService } from './idempotency.service.js';

@Module({
  imports: [QuotasModule],
  providers: [IdempotencyRepository, IdempotencyService],
  exports: [IdempotencyService, IdempotencyRepository],
})
export class IdempotencyModule {}

import { Module } from '@nestjs/common';
import { StorageQuotasService } from './storage-quotas.service.js';

/** How much accounts may make us store. */
@Module({ providers: [StorageQuotasService], exports: [StorageQuotasService] })
export class QuotasModule {}

import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { Clock } from '../common/clock/clock.js';
import { ConcurrencySlotsService } from './concurrency-slots.service.js';
import { RequestBucketsService } from './request-buckets.service.js';
import { TokenLimiterService } from './token-limiter.service.js';

/** Limits by key. The guard itself is put before every route in `app.module.ts`, after authentication. */
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [Clock],
      useFactory: (clock: Clock) => ({
        // The guard takes limits from the key, and headers from the storage's decision.
        throttlers: [],
        setHeaders: false,
        storage: new RequestBucketsService(clock),
      }),
    }),
  ],
  providers: [ConcurrencySlotsService, TokenLimiterService],
  exports: [ConcurrencySlotsService, TokenLimiterService, ThrottlerModule],
})
export class ThrottlingModule {}

import { Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { Clock } from '../common/clock/clock.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ConcurrencySlotsService } from './concurrency-slots.service.js';
import { RequestBucketsService } from './request-buckets.service.js';
import { TokenLimiterService } from './token-limiter.service.js';

/** Limits by key. The guard itself is put before every route in `app.module.ts`, after authentication. */
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [Clock],
      useFactory: (clock: Clock) => ({
        throttlers: [
          {
            ttl: 60_000,
            limit: (context) =>
              context.switchToHttp().getRequest<TollgateRequest>().principal?.requestsPerMinute ?? 1,
          },
        ],
        setHeaders: false,
        storage: new RequestBucketsService(clock),
      }),
    }),
  ],
  providers: [ConcurrencySlotsService, TokenLimiterService],
  exports: [ConcurrencySlotsService, TokenLimiterService, ThrottlerModule],
})
export class ThrottlingModule {}

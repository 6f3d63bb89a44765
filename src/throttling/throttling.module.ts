import { Global, Module } from '@nestjs/common';
import { ThrottlerModule } from '@nestjs/throttler';
import { Clock } from '../common/clock/clock.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ConcurrencySlots } from './concurrency-slots.js';
import { RequestBuckets } from './request-buckets.js';
import { TokenLimiter } from './token-limiter.js';

/** Limits by key. The guard itself is put before every route in `app.module.ts`, after authentication. */
@Global()
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
        storage: new RequestBuckets(clock),
      }),
    }),
  ],
  providers: [ConcurrencySlots, TokenLimiter],
  exports: [ConcurrencySlots, TokenLimiter, ThrottlerModule],
})
export class ThrottlingModule {}

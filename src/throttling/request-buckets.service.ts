import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import { Clock } from '../common/clock/clock.js';
import type { RateDecision } from '../common/limits/gcra.js';
import { RateBuckets } from '../common/limits/rate-buckets.js';

/** What `ThrottlerGuard` asks for, and the exact decision beside it. */
export interface BucketRecord {
  totalHits: number;
  /** Seconds. */
  timeToExpire: number;
  isBlocked: boolean;
  /** Seconds. */
  timeToBlockExpire: number;
  decision: RateDecision;
}

/**
 * Storage of the throttler: one GCRA number a key, constant time and memory, refused requests take nothing.
 * The stock storage keeps every hit in an array and always adds one; at 10,000 hits a minute that is 125 µs a request.
 */
@Injectable()
export class RequestBucketsService implements ThrottlerStorage {
  private readonly buckets = new RateBuckets();

  constructor(private readonly clock: Clock) {}

  increment(key: string, ttlMs: number, limit: number): Promise<BucketRecord> {
    const decision = this.buckets.take(key, { limit, periodMs: ttlMs }, this.clock.monotonicMs());
    return Promise.resolve({
      totalHits: limit - decision.remaining + (decision.allowed ? 0 : 1),
      timeToExpire: Math.ceil(decision.resetMs / 1000),
      isBlocked: !decision.allowed,
      timeToBlockExpire: Math.ceil(decision.retryAfterMs / 1000),
      decision,
    });
  }
}

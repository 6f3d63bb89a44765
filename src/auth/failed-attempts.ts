import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { RateBuckets } from '../common/limits/rate-buckets.js';
import { AppConfig } from '../config/app-config.js';

/** Counts failed authentications by address, so that guessing keys costs the guesser and not the database. */
@Injectable()
export class FailedAttempts {
  private readonly buckets = new RateBuckets();

  constructor(
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /** @throws DomainError `too_many_failed_attempts` when the address has none left; asks before any look-up */
  refuseIfExhausted(address: string): void {
    const state = this.buckets.peek(address, this.limit(), this.clock.monotonicMs());
    if (state.remaining > 0) return;
    const retryAfterMs = 60_000 / this.config.access.failedAuthPerMinute;
    throw new DomainError(
      'too_many_failed_attempts',
      'Too many failed authentication attempts from your address. Please try again later.',
      { retryAfterMs },
    );
  }

  record(address: string): void {
    this.buckets.take(address, this.limit(), this.clock.monotonicMs());
  }

  private limit(): { limit: number; periodMs: number } {
    return { limit: this.config.access.failedAuthPerMinute, periodMs: 60_000 };
  }
}

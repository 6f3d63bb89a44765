import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { RateLimit } from '../common/limits/gcra.js';
import { RateBuckets } from '../common/limits/rate-buckets.js';
import { AppConfig } from '../config/app-config.js';
import { callerNetwork } from './caller-network.js';

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
    const network = callerNetwork(address);
    const state = this.buckets.peek(network, this.limit(), this.clock.monotonicMs());
    if (state.remaining === 0) throw this.refusal();
  }

  /**
   * Counts one failure.
   *
   * @throws DomainError `too_many_failed_attempts` when the address had none left: guesses that were sent all at once
   *   learn no more than guesses in a row
   */
  record(address: string): void {
    const network = callerNetwork(address);
    const decision = this.buckets.take(network, this.limit(), this.clock.monotonicMs());
    if (!decision.allowed) throw this.refusal();
  }

  private refusal(): DomainError {
    return new DomainError(
      'too_many_failed_attempts',
      'Too many failed authentication attempts from your address. Please try again later.',
      { retryAfterMs: 60_000 / this.config.access.failedAuthPerMinute },
    );
  }

  private limit(): RateLimit {
    return { limit: this.config.access.failedAuthPerMinute, periodMs: 60_000 };
  }
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { RateLimit } from '../common/limits/gcra.js';
import { RateBuckets } from '../common/limits/rate-buckets.js';
import { AppConfig } from '../config/app-config.js';
import { callerNetwork } from './caller-network.js';

/** What was guessed at. Failures of one kind say nothing of the other. */
export type GuessedKey = 'api-key' | 'admin-key';

/**
 * Counts failed authentications by address and kind of key. The count decides what a wrong key is told and how it is
 * looked up; it never refuses a right one, because many callers can share an address.
 */
@Injectable()
export class FailedAttemptsService {
  private readonly buckets = new RateBuckets();

  constructor(
    private readonly clock: Clock,
    private readonly config: AppConfig,
  ) {}

  /** Whether the address has no failures left this minute. Asking counts nothing. */
  exhausted(kind: GuessedKey, address: string): boolean {
    const state = this.buckets.peek(bucketOf(kind, address), this.limit(), this.clock.monotonicMs());
    return state.remaining === 0;
  }

  /**
   * Counts one failure.
   *
   * @throws DomainError `too_many_failed_attempts` when the address had none left
   */
  record(kind: GuessedKey, address: string): void {
    const decision = this.buckets.take(bucketOf(kind, address), this.limit(), this.clock.monotonicMs());
    if (decision.allowed) return;
    throw new DomainError(
      'too_many_failed_attempts',
      'Too many failed authentication attempts from your address. Please try again later.',
      { retryAfterMs: 60_000 / this.config.access.failedAuthPerMinute },
    );
  }

  private limit(): RateLimit {
    return { limit: this.config.access.failedAuthPerMinute, periodMs: 60_000 };
  }
}

function bucketOf(kind: GuessedKey, address: string): string {
  return `${kind} ${callerNetwork(address)}`;
}

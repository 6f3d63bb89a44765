import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { Principal } from '../common/principal.js';

/** Until another request of the key is likely to have ended; nobody knows. */
const RETRY_AFTER_MS = 1_000;

/** How many requests each key has under way in this process. Memory follows the keys that have any. */
@Injectable()
export class ConcurrencySlots {
  private readonly taken = new Map<string, number>();

  /**
   * Runs `work` in one of the key's slots, which is free again when `work` has ended, however it ends.
   *
   * @throws DomainError `concurrency_limited` when the key has none free: `work` does not run then
   */
  async within<T>({ keyId, maxConcurrency }: Principal, work: () => Promise<T>): Promise<T> {
    const taken = this.taken.get(keyId) ?? 0;
    if (maxConcurrency !== null && taken >= maxConcurrency) {
      throw new DomainError(
        'concurrency_limited',
        `Rate limit reached on concurrent requests: Limit ${maxConcurrency}, Used ${taken}, Requested 1. Please try again in ${RETRY_AFTER_MS / 1_000}s.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    this.taken.set(keyId, taken + 1);
    try {
      return await work();
    } finally {
      this.release(keyId);
    }
  }

  /** Requests of the key under way. */
  inUse(keyId: string): number {
    return this.taken.get(keyId) ?? 0;
  }

  private release(keyId: string): void {
    const left = this.inUse(keyId) - 1;
    if (left > 0) this.taken.set(keyId, left);
    else this.taken.delete(keyId);
  }
}

import { Injectable } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { Principal } from '../common/principal.js';

/** Until another request of the key is likely to have ended; nobody knows. */
const RETRY_AFTER_MS = 1_000;

/** How many requests each key has under way in this process. Memory follows the keys that have any. */
@Injectable()
export class ConcurrencySlotsService {
  private readonly taken = new Map<string, number>();

  /**
   * Takes one of the key's slots.
   *
   * @returns gives it back; only the first call counts
   * @throws DomainError `concurrency_limited` when the key has none free
   */
  take({ keyId, maxConcurrency }: Principal): () => void {
    const taken = this.inUse(keyId);
    if (maxConcurrency !== null && taken >= maxConcurrency) {
      throw new DomainError(
        'concurrency_limited',
        `Rate limit reached on concurrent requests: Limit ${maxConcurrency}, Used ${taken}, Requested 1. Please try again in ${RETRY_AFTER_MS / 1_000}s.`,
        { retryAfterMs: RETRY_AFTER_MS },
      );
    }
    this.taken.set(keyId, taken + 1);
    let released = false;
    return () => {
      if (released) return;
      released = true;
      const left = this.inUse(keyId) - 1;
      if (left > 0) this.taken.set(keyId, left);
      else this.taken.delete(keyId);
    };
  }

  /** Requests of the key under way. */
  inUse(keyId: string): number {
    return this.taken.get(keyId) ?? 0;
  }
}

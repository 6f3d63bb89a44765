import { StorageQuotaError } from './quotas.errors.js';
import type { StorageLimits, StorageNeed, StorageOverrides, StorageUse } from './storage-limits.js';

/** What an account stores and may store, as one transaction sees it. */
export class StorageState {
  /** What the transaction itself has let in so far. */
  private pending: StorageUse = {
    storedBytes: 0,
    conversations: 0,
    storedCompletions: 0,
    chatbots: 0,
    keptAnswerBytes: 0,
  };

  /**
   * @param stored without what requests under way have reserved
   * @param reserved by requests under way
   */
  constructor(
    readonly stored: StorageUse,
    readonly reserved: StorageUse,
    readonly limits: StorageLimits,
    readonly overrides: StorageOverrides,
  ) {}

  /**
   * Lets a request in, or says why not. What it stores counts against the next one.
   * @returns the refusal; `undefined`: there is room
   */
  admit(need: StorageNeed): StorageQuotaError | undefined {
    const refusal =
      this.refusal('storedBytes', need.bytes) ??
      this.refusal('conversations', need.conversations) ??
      this.refusal('storedCompletions', need.completions) ??
      // How long the answer gets nobody knows yet.
      (need.keepsAnswer ? this.refusal('keptAnswerBytes', 1, 0) : undefined);
    if (refusal !== undefined) return refusal;
    const { pending } = this;
    this.pending = {
      ...pending,
      storedBytes: pending.storedBytes + need.bytes,
      conversations: pending.conversations + need.conversations,
      storedCompletions: pending.storedCompletions + need.completions,
    };
    return undefined;
  }

  /**
   * What has grown beyond its limit since `before`. What was beyond it then and has not grown may stay.
   * @returns `undefined`: nothing has
   */
  overgrown(before: StorageState): StorageQuotaError | undefined {
    for (const limit of ['conversations', 'storedCompletions', 'chatbots', 'storedBytes'] as const) {
      const grown = this.stored[limit] - before.stored[limit];
      if (grown > 0 && this.used(limit) > this.limits[limit]) {
        return new StorageQuotaError(limit, before.used(limit), this.limits[limit], grown);
      }
    }
    return undefined;
  }

  private refusal(limit: keyof StorageUse, more: number, told = more): StorageQuotaError | undefined {
    const used = this.used(limit);
    if (more === 0 || used + more <= this.limits[limit]) return undefined;
    return new StorageQuotaError(limit, used, this.limits[limit], told);
  }

  private used(limit: keyof StorageUse): number {
    return this.stored[limit] + this.reserved[limit] + this.pending[limit];
  }
}

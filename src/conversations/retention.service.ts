import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { AccountRepository } from '../auth/account.repository.js';
import { Clock } from '../common/clock/clock.js';
import { ErasureRepository } from './erasure.repository.js';

const SWEEP_MS = 600_000;
const DAY_MS = 24 * 60 * 60 * 1000;

/** By how much more than its time a sweep's clock may be ahead of the last one's. */
const LEAP_MS = 60 * 60 * 1000;

const ACCOUNTS_AT_ONCE = 100;

/**
 * Erases what accounts do not want to keep: conversations and stored completions that have not changed for the account's
 * days, and all of an account that stores nothing.
 */
@Injectable()
export class RetentionService implements OnApplicationShutdown {
  private readonly logger = new Logger('Retention');
  private readonly sweeps = setInterval(() => void this.sweep(), SWEEP_MS).unref();
  private last: { readonly nowMs: number; readonly monotonicMs: number } | undefined;
  private stopped = false;

  constructor(
    private readonly accounts: AccountRepository,
    private readonly erasure: ErasureRepository,
    private readonly clock: Clock,
  ) {}

  onApplicationShutdown(): void {
    this.stopped = true;
    clearInterval(this.sweeps);
  }

  /** Runs by itself every ten minutes; never rejects. */
  async sweep(): Promise<void> {
    try {
      const erased = await this.eraseExpired(this.now());
      if (erased > 0)
        this.logger.log(`erased ${erased} conversations and completions past their account's days`);
    } catch (error) {
      this.logger.warn(`retention not swept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async eraseExpired(nowMs: number): Promise<number> {
    let erased = 0;
    let afterId = '';
    while (!this.stopped) {
      const accounts = await this.accounts.listRetentions(afterId, ACCOUNTS_AT_ONCE);
      for (const { id, days } of accounts) {
        erased += await this.erasure.deleteUnchanged(id, days === 0 ? undefined : nowMs - days * DAY_MS);
        afterId = id;
      }
      if (accounts.length < ACCOUNTS_AT_ONCE) break;
    }
    if (erased > 0) await this.erasure.purge();
    return erased;
  }

  /**
   * The time, which a clock that is set ahead by mistake does not bring forward by more than an hour a sweep: what is
   * erased does not come back when the clock does.
   */
  private now(): number {
    const monotonicMs = this.clock.monotonicMs();
    let nowMs = this.clock.nowMs();
    if (this.last !== undefined) {
      nowMs = Math.min(nowMs, this.last.nowMs + monotonicMs - this.last.monotonicMs + LEAP_MS);
    }
    this.last = { nowMs, monotonicMs };
    return nowMs;
  }
}

import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { AccountRepository } from '../accounts/account.repository.js';
import { ErasureRepository } from './erasure.repository.js';
import { RetentionClockService } from './retention-clock.service.js';

const SWEEP_MS = 600_000;
const DAY_MS = 24 * 60 * 60 * 1000;

const ACCOUNTS_AT_ONCE = 100;

/**
 * Erases what accounts do not want to keep: conversations and stored completions that have not changed for the account's
 * days, and all of an account that stores nothing.
 */
@Injectable()
export class RetentionService implements OnApplicationShutdown {
  private readonly logger = new Logger('Retention');
  private readonly sweeps = setInterval(() => void this.sweep(), SWEEP_MS).unref();
  private stopped = false;

  constructor(
    private readonly accounts: AccountRepository,
    private readonly erasure: ErasureRepository,
    private readonly clock: RetentionClockService,
  ) {}

  onApplicationShutdown(): void {
    this.stopped = true;
    clearInterval(this.sweeps);
  }

  /** Runs by itself every ten minutes; never rejects. */
  async sweep(): Promise<void> {
    try {
      const erased = await this.eraseExpired(await this.clock.nextSweepMs());
      if (erased > 0)
        this.logger.log(
          `erased ${erased} conversations, completions and kept answers past their account's days`,
        );
    } catch (error) {
      this.logger.warn(`retention not swept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async eraseExpired(nowMs: number): Promise<number> {
    let erased = await this.erasure.finishErasures();
    let afterId = '';
    while (!this.stopped) {
      const accounts = await this.accounts.listRetentions(afterId, ACCOUNTS_AT_ONCE);
      for (const { id, days } of accounts) {
        erased += await this.eraseOf(id, days, nowMs);
        afterId = id;
      }
      if (accounts.length < ACCOUNTS_AT_ONCE) break;
    }
    if (erased > 0) await this.erasure.purge();
    return erased;
  }

  private async eraseOf(accountId: string, days: number, nowMs: number): Promise<number> {
    if (days > 0) return this.erasure.deleteUnchanged(accountId, nowMs - days * DAY_MS);
    const { deleted, answers } = await this.erasure.deleteAll(accountId);
    return deleted + answers;
  }
}

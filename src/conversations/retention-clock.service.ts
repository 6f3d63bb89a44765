import { Injectable, Logger } from '@nestjs/common';
import { LedgerPagesRepository } from '../billing/ledger-pages.repository.js';
import { Clock } from '../common/clock/clock.js';
import { SettingsRepository } from '../persistence/settings.repository.js';

/** Milliseconds since 1970: the time of the last sweep by any process. */
export const RETENTION_TIME_SETTING = 'retention_time_ms';

const HOUR_MS = 60 * 60 * 1000;

/** By how much more than its time a sweep's clock may be ahead of the last one's. */
const LEAP_MS = HOUR_MS;

/** For so long a clock that is further ahead must have kept to it, seen by one process, until it is believed. */
const BELIEVED_AFTER_MS = 12 * HOUR_MS;

/** A clock that is further ahead than a leap. */
interface Dispute {
  readonly sinceMonotonicMs: number;
  /** Of the clock over the monotonic one: stays the same while nobody sets the clock. */
  readonly offsetMs: number;
}

/**
 * The time by which conversations expire. What is erased does not come back when a clock that was wrong does, so a clock
 * that is far ahead is not believed at once, neither when it is set while a process runs nor when one starts with it.
 */
@Injectable()
export class RetentionClockService {
  private readonly logger = new Logger('Retention');
  private readonly startedAtMs: number;
  private lastMonotonicMs: number;
  private lastMs = -Infinity;
  private dispute: Dispute | undefined;

  constructor(
    private readonly settings: SettingsRepository,
    private readonly ledger: LedgerPagesRepository,
    private readonly clock: Clock,
  ) {
    this.startedAtMs = clock.nowMs();
    this.lastMonotonicMs = clock.monotonicMs();
  }

  /**
   * The time of a sweep that begins now, and noted in the database as that: never later than the clock, and at most an
   * hour later than the last sweep's and what has passed in this process since its own last one. A clock that is further
   * ahead is believed when it has been so for twelve hours in this process, and no other process has said less.
   */
  async nextSweepMs(): Promise<number> {
    const lastMs = await this.lastSweepMs();
    const monotonicMs = this.clock.monotonicMs();
    const clockMs = this.clock.nowMs();
    const expectedMs = lastMs + monotonicMs - this.lastMonotonicMs;
    // Somebody else's clock is behind ours: one of the two is wrong.
    if (lastMs < this.lastMs) this.dispute = undefined;
    const nowMs = this.believes(clockMs, expectedMs, monotonicMs) ? clockMs : expectedMs + LEAP_MS;
    await this.settings.put(RETENTION_TIME_SETTING, String(nowMs));
    this.lastMs = nowMs;
    this.lastMonotonicMs = monotonicMs;
    return nowMs;
  }

  /** Where there was no sweep yet: the time of the newest charge or credit of an earlier process, or the clock's. */
  private async lastSweepMs(): Promise<number> {
    const noted = await this.settings.find(RETENTION_TIME_SETTING);
    if (noted !== undefined) return Number(noted);
    const before = { createdAtMs: this.startedAtMs, id: '' };
    const { rows } = await this.ledger.list({}, { limit: 1, after: before });
    return rows[0]?.createdAtMs ?? this.startedAtMs;
  }

  private believes(clockMs: number, expectedMs: number, monotonicMs: number): boolean {
    const aheadMs = clockMs - expectedMs;
    if (aheadMs <= LEAP_MS) {
      this.dispute = undefined;
      return true;
    }
    const offsetMs = clockMs - monotonicMs;
    if (this.dispute === undefined || Math.abs(offsetMs - this.dispute.offsetMs) > LEAP_MS) {
      this.dispute = { sinceMonotonicMs: monotonicMs, offsetMs };
      this.logger.warn(
        `the clock is ${Math.round(aheadMs / HOUR_MS)} hours ahead of the last sweep: after a long stop that is right; ` +
          'if it is not, set it within 12 hours, or conversations are erased before their time',
      );
    }
    if (monotonicMs - this.dispute.sinceMonotonicMs < BELIEVED_AFTER_MS) return false;
    this.dispute = undefined;
    return true;
  }
}

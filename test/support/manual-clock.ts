import { Clock } from '../../src/common/clock/clock.js';

/** Time that passes when the test says so. Both clocks move together. */
export class ManualClock extends Clock {
  private elapsedMs = 0;

  constructor(private readonly startMs = Date.UTC(2026, 10, 22)) {
    super();
  }

  pass(ms: number): void {
    this.elapsedMs += ms;
  }

  nowMs(): number {
    return this.startMs + this.elapsedMs;
  }

  monotonicMs(): number {
    return this.elapsedMs;
  }
}

/** Injected source of time, so that tests need no patching. */
export abstract class Clock {
  /** Wall clock, milliseconds since the epoch: for what people read and what is stored. */
  abstract nowMs(): number;
  /** Monotonic milliseconds, unmoved by clock changes: for limits, deadlines and durations. */
  abstract monotonicMs(): number;
}

export class SystemClock extends Clock {
  nowMs(): number {
    return Date.now();
  }
  monotonicMs(): number {
    return performance.now();
  }
}

import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import { UpstreamError } from '../../upstream.errors.js';

/**
 * The clock and the off-switch of one attempt: `signal` aborts with `upstream_timeout` when a deadline passes, or with
 * whatever `abort` was given.
 *
 * A whole answer has `totalMs`. A stream has the shorter of `firstTokenMs` and `totalMs` until its first byte; after
 * that it may last as long as no read waits for more than `betweenChunksMs` (U26).
 */
export class AttemptDeadline {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private phase: 'begin' | 'read' | 'end';

  constructor(
    private readonly timeouts: UpstreamTimeouts,
    kind: 'whole' | 'stream',
  ) {
    const { firstTokenMs, totalMs } = timeouts;
    this.phase = kind === 'whole' ? 'end' : 'begin';
    this.expireIn(kind === 'whole' ? totalMs : Math.min(firstTokenMs, totalMs));
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A read of the answer's body begins. Reads that nobody asks for do not count as the upstream's silence. */
  reading(): void {
    if (this.phase === 'read') this.expireIn(this.timeouts.betweenChunksMs);
  }

  /** A read has given something, or the end. */
  heard(): void {
    if (this.phase === 'end') return;
    this.phase = 'read';
    this.clear();
  }

  /** What is still to come must come within `ms`, however it is spread. */
  endWithin(ms: number): void {
    this.phase = 'end';
    this.expireIn(ms);
  }

  /** Stops the attempt. Without effect on one that has ended. */
  abort(reason: unknown): void {
    this.clear();
    this.controller.abort(reason);
  }

  /** The attempt has ended: no timer stays. */
  clear(): void {
    clearTimeout(this.timer);
  }

  private expireIn(ms: number): void {
    this.clear();
    if (this.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.abort(new UpstreamError('upstream_timeout', "The model's provider did not answer in time."));
    }, ms);
  }
}

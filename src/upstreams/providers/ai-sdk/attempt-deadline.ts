import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import { UpstreamError } from '../../upstream.errors.js';

/**
 * The clock and the off-switch of one attempt: its `signal` aborts, always with an UpstreamError, when a deadline passes
 * or when whoever asked has gone.
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

  /** Stops the attempt, whose result nobody reads. Without effect on one that has ended. */
  abort(): void {
    const cause = new Error('aborted by the caller');
    this.stop(new UpstreamError('upstream_error', "The model's provider failed to answer.", { cause }));
  }

  /** The attempt has ended: no timer stays. */
  clear(): void {
    clearTimeout(this.timer);
  }

  private expireIn(ms: number): void {
    this.clear();
    if (this.signal.aborted) return;
    this.timer = setTimeout(() => {
      this.stop(new UpstreamError('upstream_timeout', "The model's provider did not answer in time."));
    }, ms);
  }

  private stop(reason: UpstreamError): void {
    this.clear();
    this.controller.abort(reason);
  }
}

import type { UpstreamTimeouts } from '../../../contracts/upstream-timeouts.js';
import { UpstreamError } from '../../upstream.errors.js';

/**
 * The clock and the off-switch of one attempt: `signal` aborts with `upstream_timeout` when a deadline passes, or with
 * whatever `abort` was given. A whole answer has the total deadline only until its first byte; a stream must also begin
 * in time. Between two reads both may be silent for `betweenChunksMs`.
 */
export class AttemptDeadline {
  private readonly controller = new AbortController();
  private total: NodeJS.Timeout;
  private silence: NodeJS.Timeout | undefined;

  constructor(
    private readonly timeouts: UpstreamTimeouts,
    kind: 'whole' | 'stream',
  ) {
    this.total = setTimeout(() => this.expire('did not finish its answer in time'), timeouts.totalMs);
    if (kind === 'stream') this.listen(timeouts.firstTokenMs, 'did not begin its answer in time');
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** A read has begun; the deadline until the first byte of a stream goes on if it is still running. */
  reading(): void {
    if (this.silence === undefined && !this.signal.aborted)
      this.listen(this.timeouts.betweenChunksMs, 'fell silent in mid-answer');
  }

  /** A read has given something. */
  heard(): void {
    clearTimeout(this.silence);
    this.silence = undefined;
  }

  /** The answer is complete; what is left on the wire must come within `graceMs` or the socket goes. */
  finishing(graceMs: number): void {
    this.clear();
    this.total = setTimeout(() => this.expire('did not end its stream'), graceMs);
  }

  /** Stops the attempt and its timers. Without effect on one that has ended. */
  abort(reason: unknown): void {
    this.clear();
    this.controller.abort(reason);
  }

  /** The attempt has ended: no timer stays. */
  clear(): void {
    clearTimeout(this.total);
    this.heard();
  }

  private listen(ms: number, fault: string): void {
    this.silence = setTimeout(() => this.expire(fault), ms);
  }

  private expire(fault: string): void {
    this.abort(new UpstreamError('upstream_timeout', `The upstream ${fault}.`));
  }
}

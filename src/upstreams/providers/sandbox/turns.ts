import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from './failures.js';

/** So long others wait for one request at a time: work beyond it goes on in the next turn of the event loop. */
const TURN_MS = 3;

/** The turns in which the work for one request is done. What the work gives never depends on where a turn ends. */
export class Turns {
  private begunMs = performance.now();

  /** @param signal ends the work at the end of a turn, when nobody waits for it any more */
  constructor(private readonly signal: AbortSignal) {}

  /** This turn has lasted long enough. Asking costs less than a microsecond. */
  get due(): boolean {
    return performance.now() - this.begunMs > TURN_MS;
  }

  /**
   * Goes on in the next turn of the event loop where this one has lasted long enough, and at once otherwise.
   * @throws UpstreamError as soon as the signal aborts
   */
  async ifDue(): Promise<void> {
    if (!this.due) return;
    try {
      await nextTurn(undefined, { signal: this.signal });
    } catch (error) {
      throw cancelled(error);
    }
    this.begunMs = performance.now();
  }
}

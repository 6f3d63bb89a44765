import { setImmediate as nextTurn } from 'node:timers/promises';

/** Work that is done between two turns of the event loop, in a unit of the caller's: others are served meanwhile. */
export class Slices {
  private done = 0;

  /** @param perTurn of which a few milliseconds are enough at the very worst */
  constructor(private readonly perTurn: number) {}

  /** Counts what was done; resolves at once, or in the next turn of the event loop where that was enough for this one. */
  async after(done: number): Promise<void> {
    this.done += done;
    if (this.done < this.perTurn) return;
    this.done = 0;
    await nextTurn();
  }
}

/** A place among the large answers, or in the queue for one. */
export interface Seat {
  /** False while it is a place in the queue. */
  readonly taken: boolean;
  /** Gives the place to whoever waits. To be called once. */
  leave(): void;
}

/**
 * Lets few answers at a time be large. Whole answers are held in memory until they end, so without this a thousand of
 * them could take a thousand times the most that one may: the others wait, unread, until one of the few has ended.
 */
export class LargeAnswers {
  private readonly waiting = new Set<() => void>();

  constructor(private free: number) {}

  /**
   * @param onSeat called when a place in the queue has become one among the large answers, in a turn of its own: who
   * leaves may be in the middle of a read. Not called where the place is one at once.
   */
  enter(onSeat: () => void): Seat {
    let taken = this.free > 0;
    const sit = (): void => {
      taken = true;
      queueMicrotask(onSeat);
    };
    if (taken) this.free -= 1;
    else this.waiting.add(sit);
    return {
      get taken() {
        return taken;
      },
      leave: () => {
        if (taken) this.giveOn();
        else this.waiting.delete(sit);
      },
    };
  }

  private giveOn(): void {
    const [next] = this.waiting;
    if (next === undefined) {
      this.free += 1;
      return;
    }
    this.waiting.delete(next);
    next();
  }
}

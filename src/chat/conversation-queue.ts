import { ExclusiveUseError } from '../billing/billing.errors.js';

/** Requests that may wait for their turn in one conversation; whoever sends more has lost count. */
const MAX_WAITING = 16;

/** How long a request waits for its turn. */
const MAX_WAIT_MS = 60_000;

/**
 * Orders the requests of a conversation within this process: one goes on, the others wait in the order in which they
 * came. Between processes the hold's exclusive name refuses the second one.
 */
export class ConversationQueue {
  private readonly waiting = new Map<string, (() => void)[]>();

  constructor(private readonly maxWaitMs = MAX_WAIT_MS) {}

  /**
   * Resolves when it is the caller's turn, with what ends it.
   *
   * @param signal aborts when the client leaves: its place is given up
   * @throws ExclusiveUseError when too many wait already, or the turn does not come in time
   */
  async enter(name: string, signal: AbortSignal): Promise<() => void> {
    const line = this.waiting.get(name);
    if (line === undefined) {
      this.waiting.set(name, []);
    } else {
      if (line.length >= MAX_WAITING) throw new ExclusiveUseError();
      await this.turn(line, signal);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.leave(name);
    };
  }

  private turn(line: (() => void)[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const giveUp = (): void => {
        stop();
        const place = line.indexOf(go);
        if (place >= 0) line.splice(place, 1);
        reject(new ExclusiveUseError());
      };
      const go = (): void => {
        stop();
        resolve();
      };
      const deadline = setTimeout(giveUp, this.maxWaitMs).unref();
      const stop = (): void => {
        clearTimeout(deadline);
        signal.removeEventListener('abort', giveUp);
      };
      if (signal.aborted) return giveUp();
      signal.addEventListener('abort', giveUp, { once: true });
      line.push(go);
      return undefined;
    });
  }

  private leave(name: string): void {
    const next = this.waiting.get(name)?.shift();
    if (next === undefined) this.waiting.delete(name);
    else next();
  }
}

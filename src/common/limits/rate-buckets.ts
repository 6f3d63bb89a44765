import { charge, decide, type RateDecision, type RateLimit } from './gcra.js';

/**
 * Buckets in this process's memory, one number a key. Full buckets are the same as absent ones and are swept, so
 * memory follows the keys in use, not the keys ever seen.
 */
export class RateBuckets {
  private readonly arrivals = new Map<string, number>();
  private sweepAt = 1024;

  /** Takes `cost` units from a key's bucket if they are there; a refused request takes nothing. */
  take(key: string, limit: RateLimit, nowMs: number, cost = 1): RateDecision {
    const decision = decide(this.arrivals.get(key), nowMs, limit, cost);
    this.keep(key, decision.arrivalMs, nowMs);
    return decision;
  }

  /** Takes units whether they are there or not; negative gives back. */
  charge(key: string, limit: RateLimit, nowMs: number, cost: number): void {
    this.keep(key, charge(this.arrivals.get(key), nowMs, limit, cost), nowMs);
  }

  /** Looks without taking. */
  peek(key: string, limit: RateLimit, nowMs: number): RateDecision {
    return decide(this.arrivals.get(key), nowMs, limit, 0);
  }

  get size(): number {
    return this.arrivals.size;
  }

  private keep(key: string, arrivalMs: number, nowMs: number): void {
    if (arrivalMs <= nowMs) this.arrivals.delete(key);
    else {
      this.arrivals.set(key, arrivalMs);
      if (this.arrivals.size > this.sweepAt) this.sweep(nowMs);
    }
  }

  /** Amortised: runs when the map has doubled since the last time. */
  private sweep(nowMs: number): void {
    for (const [key, arrivalMs] of this.arrivals) {
      if (arrivalMs <= nowMs) this.arrivals.delete(key);
    }
    this.sweepAt = Math.max(1024, this.arrivals.size * 2);
  }
}

/**
 * Generic cell rate algorithm: a limit of `limit` units a period, kept in ONE number a key (the theoretical arrival
 * time), so a decision costs constant time and memory whatever the traffic. A full bucket lets `limit` units through
 * at once and refills evenly; a refused request takes nothing.
 */
export interface RateLimit {
  /** Units a period; at least 1. */
  readonly limit: number;
  readonly periodMs: number;
}

export interface RateDecision {
  readonly allowed: boolean;
  /** Whole units left now. */
  readonly remaining: number;
  /** Until the bucket is full again. */
  readonly resetMs: number;
  /** Until this cost would be allowed; 0 when it was, Infinity when it is more than the whole limit. */
  readonly retryAfterMs: number;
  /** The key's new state; unchanged when refused. */
  readonly arrivalMs: number;
}

/**
 * @param arrivalMs the key's state, `undefined` for a key never seen
 * @param nowMs monotonic
 * @param cost units asked for; negative gives back, 0 looks without taking
 */
export function decide(
  arrivalMs: number | undefined,
  nowMs: number,
  { limit, periodMs }: RateLimit,
  cost: number,
): RateDecision {
  const unitMs = periodMs / limit;
  const before = Math.max(arrivalMs ?? nowMs, nowMs);
  const after = Math.max(before + cost * unitMs, nowMs);
  // Half a microsecond of tolerance: n additions of period/limit must not exceed the period by rounding.
  const excessMs = after - nowMs - periodMs;
  const allowed = cost <= 0 || excessMs <= 0.0005;
  const kept = allowed ? after : before;
  return {
    allowed,
    remaining: Math.max(0, Math.floor((periodMs - (kept - nowMs)) / unitMs + 1e-6)),
    resetMs: Math.max(0, kept - nowMs),
    retryAfterMs: allowed ? 0 : cost > limit ? Infinity : excessMs,
    arrivalMs: kept,
  };
}

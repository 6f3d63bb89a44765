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

/** Half a microsecond: n additions of period/limit must not exceed the period by rounding. */
const TOLERANCE_MS = 0.0005;

/**
 * `now + 60_000 - now` is not always a minute, and whoever rounds up what is a little more tells 61 seconds. Well below
 * the tolerance, so that who comes back when told is let through.
 */
function withoutNoise(ms: number): number {
  return Math.round(ms * 10_000) / 10_000;
}

/**
 * @param arrivalMs the key's state, `undefined` for a key never seen
 * @param nowMs monotonic
 * @param cost whole units asked for; 0 looks without taking
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
  const excessMs = after - nowMs - periodMs;
  const allowed = cost <= 0 || excessMs <= TOLERANCE_MS;
  const kept = allowed ? after : before;
  const left = Math.floor((periodMs - (kept - nowMs) + TOLERANCE_MS) / unitMs);
  return {
    allowed,
    remaining: Math.min(Math.max(left, 0), limit),
    resetMs: withoutNoise(Math.max(0, kept - nowMs)),
    retryAfterMs: allowed ? 0 : cost > limit ? Infinity : withoutNoise(excessMs),
    arrivalMs: kept,
  };
}

/**
 * Takes units whether they are there or not: what is more than was left becomes a debt, paid off before the next unit
 * is let through. Negative gives back, never beyond a full bucket.
 *
 * @returns the key's new state
 */
export function charge(
  arrivalMs: number | undefined,
  nowMs: number,
  { limit, periodMs }: RateLimit,
  cost: number,
): number {
  const before = Math.max(arrivalMs ?? nowMs, nowMs);
  return Math.max(before + (cost * periodMs) / limit, nowMs);
}

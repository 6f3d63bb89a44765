import type { IncomingHttpHeaders } from 'node:http';

/** Official clients ignore a `retry-after` outside of 1..60 s, so no upstream may make us send one. */
const SHORTEST_MS = 1_000;
const LONGEST_MS = 60_000;

/**
 * When an upstream wants to be asked again, in milliseconds from now, capped to 1..60 s; `undefined` where it does not
 * say or says it illegibly. `retry-after-ms` is finer and wins over `retry-after`, as in the official clients.
 *
 * @param nowMs wall clock, for the form of `retry-after` that is a date
 */
export function retryAfterMs(headers: IncomingHttpHeaders, nowMs: number): number | undefined {
  const wait =
    milliseconds(single(headers['retry-after-ms'])) ?? secondsOrDate(single(headers['retry-after']), nowMs);
  return wait === undefined ? undefined : Math.min(Math.max(Math.ceil(wait), SHORTEST_MS), LONGEST_MS);
}

function milliseconds(value: string | undefined): number | undefined {
  return value !== undefined && /^\d{1,12}(?:\.\d{1,12})?$/.test(value) ? Number(value) : undefined;
}

/** @see RFC 9110 §10.2.3: delay-seconds or HTTP-date; some vendors send fractions of a second */
function secondsOrDate(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  const seconds = milliseconds(value);
  if (seconds !== undefined) return seconds * 1_000;
  // Date.parse alone reads "-5" and "soon 3" as dates; every HTTP-date begins with a day's name.
  const date = /^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? /i.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : date - nowMs;
}

function single(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim();
}

import { setTimeout as sleep } from 'node:timers/promises';
import { cancelled } from './failures.js';

/** @throws UpstreamError as soon as `signal` aborts; no timer is left then */
export async function pauseFor(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(timerMs(delayMs), undefined, { signal });
  } catch (error) {
    throw cancelled(error);
  }
}

/** Node fires at once for a delay beyond 2³¹ - 1. */
export function timerMs(delayMs: number): number {
  return Math.min(delayMs, 2 ** 31 - 1);
}

import { setTimeout as sleep } from 'node:timers/promises';

/** Long enough for any machine; only a failing test waits so long. */
const PATIENCE_MS = 5_000;

/** Asks again until there is an answer that is not `undefined` and not `false`. */
export async function eventually<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  what = 'what was waited for',
  withinMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadline) throw new Error(`In ${withinMs} ms there was not: ${what}`);
    await sleep(10);
  }
}

const FIRST_MS = 1_000;
const LONGEST_MS = 3_600_000;

/**
 * How long to wait after a failed attempt: twice as long each time, up to an hour, less up to a half by chance, so that
 * what failed together does not come back together.
 *
 * @param attempts made so far, at least 1
 * @param random 0 to 1
 */
export function retryDelayMs(attempts: number, random: number): number {
  const fullMs = Math.min(FIRST_MS * 2 ** (attempts - 1), LONGEST_MS);
  return Math.round(fullMs * (1 - random / 2));
}

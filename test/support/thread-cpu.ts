import { setImmediate as nextTurn } from 'node:timers/promises';

/** CPU time of this thread so far, in milliseconds: what another process of a busy machine takes is none of it. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** CPU time of this thread in some work that ends in the turn it begins in, in milliseconds. */
export function cpuMsOf(work: () => unknown): number {
  const before = threadCpuMs();
  work();
  return threadCpuMs() - before;
}

/**
 * CPU time of this thread in the longest turn of its event loop while some work goes on, in milliseconds: so long
 * nobody else was served.
 */
export async function longestTurnMs(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let before = threadCpuMs();
  const ended = new AbortController();
  const watch = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      await nextTurn();
      const now = threadCpuMs();
      longest = Math.max(longest, now - before);
      before = now;
    }
  };
  const watching = watch();
  try {
    await work();
  } finally {
    ended.abort();
    await watching;
  }
  return longest;
}

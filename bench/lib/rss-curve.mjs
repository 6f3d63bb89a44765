import { residentBytes } from './process-stats.mjs';

/**
 * Watches a process's memory while `work` goes on.
 * @returns what `work` gave, and points `[seconds, bytes]`
 */
export async function rssCurve(pid, work, everyMs = 200) {
  const points = [];
  const startMs = performance.now();
  const sample = () => points.push([(performance.now() - startMs) / 1000, residentBytes(pid)]);
  const sampler = setInterval(sample, everyMs);
  try {
    return { value: await work(), points };
  } finally {
    clearInterval(sampler);
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { Connection } from './connection.mjs';

/** A run with more failures than this has measured something else. */
const MAX_FAILED_SHARE = 0.01;

/**
 * Closed loop: each connection asks again as soon as it has its answer, until so many were asked or so long it took.
 *
 * @param variants in place of `request`: several of them, taken in turn
 * @returns how many were answered and how long it took
 */
export async function closedLoop({
  port,
  request,
  variants = [request],
  connections,
  requests = Infinity,
  seconds = Infinity,
}) {
  const texts = variants.map((text) => Buffer.from(text));
  let asked = 0;
  let failed = 0;
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = new Connection(port);
      while (asked < requests && performance.now() - startMs < seconds * 1000) {
        const bytes = texts[asked % texts.length];
        asked += 1;
        const { status } = await connection.send(bytes);
        if (status !== 200) failed += 1;
      }
      connection.close();
    }),
  );
  refuseFailures(failed, asked);
  return { requests: asked, seconds: (performance.now() - startMs) / 1000 };
}

/**
 * Open loop: asks at a fixed rate, whether or not earlier answers have come. Times count from when a request was due,
 * so a server that stalls cannot hide the requests that it kept waiting.
 * @returns milliseconds to the first byte of the body and to its end, one each per answer; and body reads in all
 */
export async function openLoop({ port, request, rate, seconds }) {
  const bytes = Buffer.from(request);
  const idle = [];
  const firstByteMs = [];
  const totalMs = [];
  const open = [];
  let reads = 0;
  let failed = 0;

  const ask = async (dueMs) => {
    const connection = idle.pop() ?? new Connection(port);
    try {
      const answer = await connection.send(bytes);
      if (answer.status !== 200) failed += 1;
      // Timers are coarse: some requests leave a little before they are due.
      const startMs = Math.min(dueMs, answer.sentMs);
      firstByteMs.push(answer.firstByteMs - startMs);
      totalMs.push(answer.endMs - startMs);
      reads += answer.reads;
      idle.push(connection);
    } catch {
      failed += 1;
    }
  };

  const total = Math.round(rate * seconds);
  const startMs = performance.now();
  for (let i = 0; i < total; i += 1) {
    const dueMs = startMs + (i * 1000) / rate;
    const waitMs = dueMs - performance.now();
    if (waitMs > 0.5) await pause(waitMs);
    open.push(ask(dueMs));
  }
  await Promise.all(open);
  for (const connection of idle) connection.close();
  refuseFailures(failed, total);
  return { firstByteMs, totalMs, reads };
}

/**
 * Opens streams evenly over a time and reads each to its end.
 * @returns when all have ended
 */
export async function streams({ port, request, count, openingMs }) {
  const bytes = Buffer.from(request);
  let reads = 0;
  let failed = 0;
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      await pause((i * openingMs) / count);
      const connection = new Connection(port);
      try {
        const answer = await connection.send(bytes);
        reads += answer.reads;
        if (answer.status !== 200) failed += 1;
      } catch {
        failed += 1;
      }
      connection.close();
    }),
  );
  refuseFailures(failed, count);
  return { reads };
}

function refuseFailures(failed, total) {
  if (failed > total * MAX_FAILED_SHARE) throw new Error(`${failed} of ${total} requests failed`);
}

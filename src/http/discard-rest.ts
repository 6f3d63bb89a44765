import type { IncomingMessage } from 'node:http';

/** Longest wait for a refused body to end; its sender may be slow or may never stop. */
const MAX_WAIT_MS = 5_000;

/**
 * Reads and drops the rest of a refused body, so that the answer can arrive. A client that is still sending reads no
 * answer, and closing a socket with unread bytes resets it, which destroys an answer already sent. After a bound in bytes
 * and time the connection can only be closed.
 *
 * Never rejects; resolves at once when the body is known to be longer than the bound.
 */
export function discardRest(request: IncomingMessage, maxBytes: number): Promise<void> {
  const announced = Number(request.headers['content-length'] ?? 0);
  if (request.complete || request.destroyed || announced > 2 * maxBytes) return Promise.resolve();
  return new Promise((resolve) => {
    let discarded = 0;
    const finish = (): void => {
      clearTimeout(timer);
      request.off('data', onData).off('end', finish).off('error', finish).off('close', finish);
      request.pause();
      resolve();
    };
    const onData = (chunk: Buffer): void => {
      discarded += chunk.length;
      if (discarded > maxBytes) finish();
    };
    const timer = setTimeout(finish, MAX_WAIT_MS);
    request.on('data', onData).on('end', finish).on('error', finish).on('close', finish);
    request.resume();
  });
}

import type { IncomingMessage } from 'node:http';

/** Longest wait for a refused body to end; its sender may be slow or may never stop. */
const MAX_WAIT_MS = 5_000;

/**
 * Reads off what is left of a refused body and drops it. A client that is still sending reads no answer, and a socket
 * closed on unread bytes is reset, which destroys an answer already sent: so the answer waits for the end of the body,
 * up to a bound in bytes and time. After the bound the connection can only be closed.
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

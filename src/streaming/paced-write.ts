import type { ServerResponse } from 'node:http';

/**
 * Writes a chunk and waits until the client has taken most of what waits for it. A client that takes no byte for
 * `writeStallMs` is cut off.
 *
 * @returns false when the client is gone
 */
export function pacedWrite(
  response: ServerResponse,
  chunk: string | Uint8Array,
  writeStallMs: number,
): Promise<boolean> | boolean {
  if (response.destroyed) return false;
  if (response.write(chunk)) return true;
  return new Promise((resolve) => {
    const stall = setTimeout(() => response.destroy(), writeStallMs);
    const settle = (goesOn: boolean): void => {
      clearTimeout(stall);
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(goesOn);
    };
    const onDrain = (): void => settle(true);
    const onClose = (): void => settle(false);
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}

/** Handed to the socket at a time. */
const SLICE_BYTES = 64 * 1024;

/**
 * Writes all bytes of a response whose head is sent, at the client's pace and without copying them.
 * @returns false when the client is gone
 */
export async function pacedWriteAll(
  response: ServerResponse,
  bytes: Uint8Array,
  writeStallMs: number,
): Promise<boolean> {
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    const goesOn = pacedWrite(response, bytes.subarray(at, at + SLICE_BYTES), writeStallMs);
    if (goesOn !== true && !(await goesOn)) return false;
  }
  return true;
}

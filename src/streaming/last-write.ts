import type { ServerResponse } from 'node:http';

/** Gives a client that is slow to take the last bytes of an ended response no longer than for any others. */
export function guardLastWrite(response: ServerResponse, writeStallMs: number): void {
  if (response.writableFinished || response.destroyed) return;
  const stall = setTimeout(() => response.destroy(), writeStallMs);
  response.once('close', () => clearTimeout(stall));
  response.once('finish', () => clearTimeout(stall));
}

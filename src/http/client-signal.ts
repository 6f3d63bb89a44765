import type { ServerResponse } from 'node:http';

/** Aborts when the client leaves before its answer was written; never otherwise. */
export function clientSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableEnded) controller.abort();
  });
  if (response.destroyed) controller.abort();
  return controller.signal;
}

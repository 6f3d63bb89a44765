import type { ServerResponse } from 'node:http';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * Sends a JSON body, the only way a non-stream answer leaves. Safe to call when the client is gone or an answer has
 * begun: then it does nothing.
 *
 * @param reason the reason phrase, where Node has none for the status
 */
export function sendJson(
  request: TollgateRequest,
  response: ServerResponse,
  status: number,
  body: unknown,
  reason?: string,
): void {
  sendJsonText(request, response, status, JSON.stringify(body) ?? 'null', reason);
}

/** As `sendJson`, for a body that is JSON text already. */
export function sendJsonText(
  request: TollgateRequest,
  response: ServerResponse,
  status: number,
  text: string,
  reason?: string,
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = Buffer.from(text);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.setHeader('content-length', bytes.length);
  stampProcessingTime(request, response);
  if (reason === undefined) response.writeHead(status);
  else response.writeHead(status, reason);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** `openai-processing-ms`: whole milliseconds from arrival to the first byte of the answer. */
export function stampProcessingTime(request: TollgateRequest, response: ServerResponse): void {
  response.setHeader(
    'openai-processing-ms',
    Math.max(0, Math.round(performance.now() - request.arrivedAtMs)),
  );
}

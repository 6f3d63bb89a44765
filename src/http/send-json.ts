import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
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
  sendJsonBytes(request, response, status, Buffer.from(text), reason);
}

/** As `sendJson`, for the bytes of a JSON text. */
export function sendJsonBytes(
  request: TollgateRequest,
  response: ServerResponse,
  status: number,
  bytes: Buffer,
  reason?: string,
): void {
  if (response.headersSent || response.destroyed) return;
  stampProcessingTime(request, response);
  const headers = jsonHeaders(bytes.length);
  if (reason === undefined) response.writeHead(status, headers);
  else response.writeHead(status, reason, headers);
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** Of every JSON body. */
export function jsonHeaders(bytes: number): OutgoingHttpHeaders {
  return {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'content-length': bytes,
  };
}

/** `openai-processing-ms`: whole milliseconds from arrival to the first byte of the answer. */
export function stampProcessingTime(request: TollgateRequest, response: ServerResponse): void {
  response.setHeader(
    'openai-processing-ms',
    Math.max(0, Math.round(performance.now() - request.arrivedAtMs)),
  );
}

import type { ServerResponse } from 'node:http';
import { DomainError } from '../common/errors/domain-error.js';
import { renderError } from '../surfaces/render-error.js';
import { sendJson } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** Answers a failure in the request's dialect. Nothing happens when an answer has begun or the client is gone. */
export function sendError(request: TollgateRequest, response: ServerResponse, error: unknown): void {
  request.failureCode = error instanceof DomainError ? error.code : 'internal';
  if (response.headersSent || response.destroyed) return;
  const rendered = renderError(error, request.surface);
  for (const [name, value] of Object.entries(rendered.headers)) response.setHeader(name, value);
  // Unread body bytes would be taken for the next request: say goodbye instead of reading megabytes for nothing.
  if (!request.complete && hasBody(request)) response.setHeader('connection', 'close');
  sendJson(request, response, rendered.status, rendered.body, rendered.reason);
}

function hasBody(request: TollgateRequest): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

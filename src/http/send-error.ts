import type { ServerResponse } from 'node:http';
import { DomainError } from '../common/errors/domain-error.js';
import { renderError } from '../surfaces/render-error.js';
import { discardRest } from './discard-rest.js';
import { sendJson } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** Answers a failure in the request's dialect. Nothing happens when an answer has begun or the client is gone. */
export function sendError(request: TollgateRequest, response: ServerResponse, error: unknown): void {
  request.failureCode = error instanceof DomainError ? error.code : 'internal';
  if (response.headersSent || response.destroyed) return;
  const rendered = renderError(error, request.surface);
  for (const [name, value] of Object.entries(rendered.headers)) response.setHeader(name, value);
  if (!request.complete && hasBody(request)) letSenderFinish(request, response);
  sendJson(request, response, rendered.status, rendered.body, rendered.reason);
}

/** A refused request is read off (not kept) up to this, so that a client busy sending gets to read the refusal. */
const MAX_DISCARDED_BYTES = 32 * 1024 * 1024;

/** Beyond the bound the connection can only be closed: its bytes are worth nothing to anyone. */
function letSenderFinish(request: TollgateRequest, response: ServerResponse): void {
  if (Number(request.headers['content-length'] ?? 0) > 2 * MAX_DISCARDED_BYTES) {
    response.setHeader('connection', 'close');
    return;
  }
  void discardRest(request, MAX_DISCARDED_BYTES).then(() => {
    if (!request.complete) request.destroy();
  });
}

function hasBody(request: TollgateRequest): boolean {
  return (
    request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0
  );
}

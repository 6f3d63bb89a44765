import type { NextFunction, RequestHandler, Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { newRequestId } from '../common/ids/ids.js';
import { surfaceOfPath } from '../surfaces/surface.js';
import { ALLOWED_METHODS, EXPOSED_HEADERS, isRequestId } from './headers.js';
import { methodsOf, type RoutedApp } from './route-table.service.js';
import { sendError } from './send-error.js';
import { stampProcessingTime } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

export interface FrontDoorOptions {
  /** `['*']`: any origin, without credentials. */
  readonly corsOrigins: readonly string[];
}

/** Node's parser keeps 1,000 headers and drops the rest silently; a real client sends a few dozen. */
const MAX_HEADERS = 100;

/** Browsers never call these, so no origin is ever let in. Routes are found in any case of letters, so are these. */
const NO_CORS = /^\/(?:admin|metrics)(?:\/|$)/i;

/**
 * First to see a request: gives it its id and dialect, puts the headers that every response has, answers preflights,
 * and refuses what is ambiguous before anything trusts it.
 */
export function frontDoor({ corsOrigins }: FrontDoorOptions): RequestHandler {
  const anyOrigin = corsOrigins.includes('*');
  const origins = new Set(corsOrigins);

  return (incoming, response: Response, next: NextFunction) => {
    const request = incoming as unknown as TollgateRequest;
    const inboundId = request.headers['x-request-id'];
    request.arrivedAtMs = performance.now();
    request.requestId = newRequestId(Date.now());
    request.clientRequestId = typeof inboundId === 'string' && isRequestId(inboundId) ? inboundId : undefined;
    request.surface = surfaceOfPath(request.path);

    response.setHeader('x-request-id', request.clientRequestId ?? request.requestId);
    response.setHeader('openai-version', '2020-10-01');
    response.setHeader('x-content-type-options', 'nosniff');
    if (!NO_CORS.test(request.path)) allowOrigin(request, response);

    const refusal = ambiguity(request);
    if (refusal !== undefined) {
      response.setHeader('connection', 'close');
      return sendError(request, response, refusal);
    }
    return request.method === 'OPTIONS' ? options(request, response, next) : next();
  };

  function allowOrigin(request: TollgateRequest, response: Response): void {
    const origin = request.headers.origin;
    if (anyOrigin) response.setHeader('access-control-allow-origin', '*');
    else {
      response.setHeader('vary', 'Origin');
      if (origin === undefined || !origins.has(origin)) return;
      response.setHeader('access-control-allow-origin', origin);
    }
    response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
  }
}

/**
 * Says which methods a path has. Headers travel with the request, not in cookies, so it needs no key.
 * A preflight is answered also where there is no such path: a browser shows its page the 404 of the request itself, but
 * only that it is blocked where the preflight fails.
 */
function options(request: TollgateRequest, response: Response, next: NextFunction): void {
  const methods = methodsOf(request.app as unknown as RoutedApp, request.path);
  const preflight = request.headers['access-control-request-method'] !== undefined;
  // The router finds no route either, and the filter says so.
  if (methods.length === 0 && !preflight) return next();
  if (preflight && response.hasHeader('access-control-allow-origin')) {
    response.setHeader('access-control-allow-methods', ALLOWED_METHODS);
    const asked = request.headers['access-control-request-headers'];
    if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
    response.setHeader('access-control-max-age', '86400');
  }
  if (methods.length > 0) response.setHeader('allow', [...methods, 'OPTIONS'].toSorted().join(', '));
  response.setHeader('content-length', '0');
  stampProcessingTime(request, response);
  response.writeHead(200);
  response.end();
}

function ambiguity(request: TollgateRequest): DomainError | undefined {
  const raw = request.rawHeaders;
  if (raw.length > MAX_HEADERS * 2) {
    return new DomainError('headers_too_large', `Too many headers: at most ${MAX_HEADERS} are accepted.`);
  }
  let hosts = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i];
    if (name !== undefined && name.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) return new DomainError('malformed_request', 'The request has more than one Host header.');
  return hosts === 0 && request.httpVersion === '1.1'
    ? new DomainError('malformed_request', 'The request has no Host header.')
    : undefined;
}

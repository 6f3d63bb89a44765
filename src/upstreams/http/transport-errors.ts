import { errors } from 'undici';
import { badResponse, cutOff, deadlinePassed, unreachable } from '../upstream-failures.js';
import type { UpstreamError } from '../upstream.errors.js';

/** How far an attempt had come when its connection failed. */
export type AttemptPhase = 'connecting' | 'sent' | 'answering';

/**
 * What a failure below HTTP means. Node's and undici's messages name hosts, so they stay in `cause`.
 * @see https://github.com/nodejs/undici/blob/main/docs/docs/api/Errors.md (undici 8)
 */
export function errorFromTransport(cause: Error, phase: AttemptPhase): UpstreamError {
  const code = codeOf(cause);
  // Refused, unknown host, no route, no reply to the knock, bad certificate, the client closed.
  if (phase === 'connecting') return unreachable(cause);
  if (code === 'ETIMEDOUT') return deadlinePassed(code, true);
  if (isProtocolError(cause)) return badResponse(cause.name);
  // FIN in mid-body: the upstream thinks that it is done, so its answer is what is wrong (U12, U18).
  if (phase === 'answering' && code === 'UND_ERR_SOCKET') return badResponse('the body ended early');
  return cutOff(cause);
}

/**
 * True when the failure is what a keep-alive connection does that the upstream closed while our request was on its way.
 * @see RFC 9112 §9.3.1: such a request may be sent again on a new connection
 */
export function isClosedConnection(cause: Error): boolean {
  const code = codeOf(cause);
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}

function isProtocolError(cause: Error): boolean {
  return (
    cause instanceof errors.HTTPParserError ||
    cause instanceof errors.HeadersOverflowError ||
    cause instanceof errors.ResponseContentLengthMismatchError
  );
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

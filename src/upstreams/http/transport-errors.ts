import { errors } from 'undici';
import { badResponse, cutOff, deadlinePassed, endedEarly, unreachable } from '../upstream-failures.js';
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
  if (phase === 'answering' && isEarlyEnd(cause)) return endedEarly('the body ended early', true);
  if (isProtocolError(cause)) return badResponse(cause.name);
  // FIN in mid-body: the upstream thinks that it is done (U12, U18).
  if (phase === 'answering' && code === 'UND_ERR_SOCKET') return endedEarly('the body ended early', true);
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

/** The parser's words for a connection that was closed before the end of a body; the second has no code of its own. */
function isEarlyEnd(cause: Error): boolean {
  return (
    cause instanceof errors.ResponseContentLengthMismatchError ||
    (cause instanceof errors.HTTPParserError && cause.message.includes('Invalid EOF state'))
  );
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

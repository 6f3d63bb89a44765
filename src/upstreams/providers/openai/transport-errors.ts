import { errors } from 'undici';
import { UpstreamError } from '../../upstream.errors.js';
import { badResponse, deadlinePassed } from './errors.js';

/** How far an attempt had come when its connection failed. */
export type AttemptPhase = 'connecting' | 'sent' | 'answering';

/**
 * What a failure below HTTP means. Node's and undici's messages name hosts, so they stay in `cause`.
 * @see https://github.com/nodejs/undici/blob/main/docs/docs/api/Errors.md (undici 8)
 */
export function errorFromTransport(cause: Error, phase: AttemptPhase): UpstreamError {
  const code = codeOf(cause);
  // Not a byte of the request was written: refused, unknown host, no route, no reply to the knock, bad certificate.
  if (phase === 'connecting')
    return new UpstreamError(
      'upstream_unavailable',
      "The model's provider cannot be reached at the moment.",
      {
        cause,
        safeToRetry: true,
      },
    );

  if (code === 'ETIMEDOUT') return deadlinePassed(code, true);
  if (isProtocolError(cause)) return badResponse(cause.name);
  if (phase === 'sent')
    return new UpstreamError(
      'upstream_error',
      "The model's provider closed the connection before it answered.",
      { cause },
    );
  // FIN in mid-body: the upstream thinks that it is done, so its answer is what is wrong (U12, U18).
  if (code === 'UND_ERR_SOCKET') return badResponse('the body ended early');
  return new UpstreamError('upstream_error', "The connection to the model's provider broke off.", { cause });
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

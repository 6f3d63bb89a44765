import { contextLengthExceeded, rejectedRequest } from '../upstreams/upstream-failures.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';

/**
 * A failure for callers who must not read what is sent, such as a chatbot's prompt: an upstream that refuses a request
 * may quote it, so our words stand in the place of its own.
 */
export function redactUpstreamError(error: unknown): unknown {
  // Where the upstream did not answer, we have found the fault ourselves.
  if (!(error instanceof UpstreamError) || error.upstreamStatus === undefined) return error;
  const { code, cause, retryAfterMs, upstreamStatus, safeToRetry, alert } = error;
  const options = { cause, retryAfterMs, upstreamStatus, safeToRetry, alert };
  if (code === 'upstream_rejected_request') return rejectedRequest(undefined, options);
  if (code === 'context_length_exceeded') return contextLengthExceeded(undefined, options);
  return error;
}

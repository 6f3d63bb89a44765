/** What the failure models fail with: a fresh error each time, its words safe to show. */
import { UpstreamError } from '../../upstream.errors.js';
import { SANDBOX_LIMITS } from './sandbox.models.js';

export function badRequest(): UpstreamError {
  return new UpstreamError('upstream_rejected_request', 'This sandbox model refuses every request.', {
    upstreamStatus: 400,
  });
}

export function rateLimited(): UpstreamError {
  return new UpstreamError('upstream_rate_limited', 'This sandbox model is always over its rate limit.', {
    upstreamStatus: 429,
    retryAfterMs: 2_000,
    safeToRetry: true,
  });
}

export function internalError(): UpstreamError {
  return new UpstreamError('upstream_error', 'This sandbox model always fails with an internal error.', {
    upstreamStatus: 500,
  });
}

export function overloaded(): UpstreamError {
  return new UpstreamError('upstream_unavailable', 'This sandbox model is always overloaded.', {
    upstreamStatus: 503,
    safeToRetry: true,
  });
}

export function disconnected(): UpstreamError {
  return new UpstreamError(
    'upstream_error',
    'The connection to the sandbox broke in the middle of the answer.',
    {
      upstreamStatus: 200,
    },
  );
}

export function withoutFinish(): UpstreamError {
  return new UpstreamError(
    'upstream_bad_response',
    'The answer of the sandbox ended without a finish reason.',
    {
      upstreamStatus: 200,
    },
  );
}

export function deadlinePassed(): UpstreamError {
  return new UpstreamError('upstream_timeout', 'The sandbox did not answer in time.');
}

export function cancelled(cause: unknown): UpstreamError {
  return new UpstreamError('upstream_error', 'The call to the sandbox was cancelled.', { cause });
}

export function unknownModel(): UpstreamError {
  return new UpstreamError('upstream_rejected_request', 'The sandbox has no such model.', {
    upstreamStatus: 404,
    param: 'model',
  });
}

export function tooManyChoices(most: number): UpstreamError {
  return new UpstreamError(
    'upstream_rejected_request',
    `The sandbox gives at most ${most} choices in one answer.`,
    {
      upstreamStatus: 400,
      param: 'n',
    },
  );
}

export function contextTooLong(tokens: number, param: 'messages' | 'prompt'): UpstreamError {
  return new UpstreamError(
    'context_length_exceeded',
    `This model's maximum context length is ${SANDBOX_LIMITS.contextTokens} tokens. ` +
      `However, your ${param} resulted in ${tokens} tokens. Please reduce the length of the ${param}.`,
    { upstreamStatus: 400, param },
  );
}

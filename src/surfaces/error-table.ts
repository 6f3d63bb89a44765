import type { ErrorCode } from '../common/errors/error-code.js';

export interface WireError {
  readonly status: number;
  readonly type: 'invalid_request_error' | 'server_error' | 'requests' | 'tokens' | 'insufficient_quota';
  readonly code: string | null;
  /** `x-should-retry`: official SDKs obey it before their own rules. */
  readonly shouldRetry?: false;
  /** The upstream failed, not the caller or we: a dialect may fold all of these into one status. */
  readonly inference?: true;
  /** Whether the caller is told when to come back (`retry-after`), also when the error itself does not know. */
  readonly retryAfter?: true;
}

const invalidRequest = (status: number, code: string | null = null): WireError => ({
  status,
  type: 'invalid_request_error',
  code,
});

/**
 * What every failure becomes on the wire. Exhaustive by type: a new code does not compile until it stands here.
 * @see openai-openapi 2.3.0, ErrorResponse; docs/errors.md repeats this table for users
 */
export const ERROR_TABLE = {
  invalid_url: invalidRequest(404),
  malformed_request: invalidRequest(400),
  method_not_allowed: invalidRequest(405),
  headers_too_large: invalidRequest(431, 'request_headers_too_large'),
  missing_api_key: invalidRequest(401),
  invalid_api_key: invalidRequest(401, 'invalid_api_key'),
  api_key_expired: invalidRequest(401, 'api_key_expired'),
  api_key_not_accepted: invalidRequest(401, 'api_key_not_accepted'),
  admin_key_not_accepted: invalidRequest(401, 'admin_key_not_accepted'),
  ambiguous_credentials: invalidRequest(401, 'invalid_api_key'),
  too_many_failed_attempts: { status: 429, type: 'requests', code: 'rate_limit_exceeded', retryAfter: true },
  permission_denied: invalidRequest(403),
  account_suspended: invalidRequest(403, 'account_suspended'),
  address_not_allowed: invalidRequest(403, 'address_not_allowed'),
  request_rate_limited: { status: 429, type: 'requests', code: 'rate_limit_exceeded', retryAfter: true },
  token_rate_limited: { status: 429, type: 'tokens', code: 'rate_limit_exceeded', retryAfter: true },
  // No `retry-after`: no waiting helps.
  tokens_above_limit: { status: 429, type: 'tokens', code: 'rate_limit_exceeded', shouldRetry: false },
  concurrency_limited: { status: 429, type: 'requests', code: 'rate_limit_exceeded', retryAfter: true },
  insufficient_quota: {
    status: 429,
    type: 'insufficient_quota',
    code: 'insufficient_quota',
    shouldRetry: false,
  },
  // No client tries a 403 again, and no other status says to the caller that it is its account's to change.
  storage_quota_exceeded: {
    status: 403,
    type: 'invalid_request_error',
    code: 'storage_quota_exceeded',
    shouldRetry: false,
  },

  request_timeout: invalidRequest(408, 'request_timeout'),
  request_too_large: invalidRequest(413, 'request_too_large'),
  unsupported_content_type: invalidRequest(415, 'unsupported_content_type'),
  unsupported_charset: invalidRequest(415, 'unsupported_content_type'),
  unsupported_encoding: invalidRequest(415, 'unsupported_content_type'),
  body_unreadable: invalidRequest(400),
  validation_failed: invalidRequest(400),

  model_not_found: invalidRequest(404, 'model_not_found'),
  model_not_allowed: invalidRequest(403, 'model_not_allowed'),
  price_unknown: invalidRequest(400, 'price_unknown'),
  context_length_exceeded: invalidRequest(400, 'context_length_exceeded'),
  answer_too_large: invalidRequest(400, 'answer_too_large'),

  upstream_rejected_request: invalidRequest(400, 'upstream_rejected_request'),
  upstream_rate_limited: {
    status: 429,
    type: 'requests',
    code: 'rate_limit_exceeded',
    inference: true,
    retryAfter: true,
  },
  upstream_unavailable: { status: 502, type: 'server_error', code: 'upstream_error', inference: true },
  upstream_bad_response: { status: 502, type: 'server_error', code: 'upstream_error', inference: true },
  upstream_error: { status: 502, type: 'server_error', code: 'upstream_error', inference: true },
  upstream_timeout: {
    status: 504,
    type: 'server_error',
    code: 'timeout',
    shouldRetry: false,
    inference: true,
  },

  not_found: invalidRequest(404, 'not_found'),
  idempotency_conflict: {
    status: 409,
    type: 'invalid_request_error',
    code: 'idempotency_conflict',
    shouldRetry: false,
  },
  idempotency_erased: {
    status: 409,
    type: 'invalid_request_error',
    code: 'idempotency_erased',
    shouldRetry: false,
  },
  idempotency_not_kept: {
    status: 409,
    type: 'invalid_request_error',
    code: 'idempotency_not_kept',
    shouldRetry: false,
  },
  idempotency_running: { status: 503, type: 'server_error', code: 'overloaded', retryAfter: true },
  conflict: { status: 409, type: 'invalid_request_error', code: 'conflict', shouldRetry: false },
  // No `shouldRetry: false` here: official SDKs send it again by themselves, and then it is its turn.
  conversation_busy: {
    status: 409,
    type: 'invalid_request_error',
    code: 'conversation_busy',
    retryAfter: true,
  },
  overloaded: { status: 503, type: 'server_error', code: 'overloaded', retryAfter: true },
  draining: { status: 503, type: 'server_error', code: 'overloaded', retryAfter: true },
  storage_unavailable: { status: 503, type: 'server_error', code: 'overloaded', retryAfter: true },
  internal: { status: 500, type: 'server_error', code: null },
} as const satisfies Record<ErrorCode, WireError>;

/** `satisfies` keeps the literals; readers want the wide type. */
export function wireError(code: ErrorCode): WireError {
  return ERROR_TABLE[code];
}

/**
 * Every failure that Tollgate can answer with, by stable name. What each becomes on the wire (status, `type`, `code`)
 * stands in one exhaustive table, `surfaces/error-table.ts`.
 */
export type ErrorCode =
  // the door
  | 'invalid_url'
  | 'malformed_request'
  | 'method_not_allowed'
  | 'headers_too_large'
  | 'missing_api_key'
  | 'invalid_api_key'
  | 'api_key_expired'
  | 'api_key_not_accepted'
  | 'admin_key_not_accepted'
  | 'ambiguous_credentials'
  | 'too_many_failed_attempts'
  | 'permission_denied'
  | 'account_suspended'
  | 'address_not_allowed'
  | 'request_rate_limited'
  | 'token_rate_limited'
  | 'tokens_above_limit'
  | 'concurrency_limited'
  | 'insufficient_quota'
  | 'storage_quota_exceeded'
  // the body
  | 'request_timeout'
  | 'request_too_large'
  | 'unsupported_content_type'
  | 'unsupported_charset'
  | 'unsupported_encoding'
  | 'body_unreadable'
  | 'validation_failed'
  // the model
  | 'model_not_found'
  | 'model_not_allowed'
  | 'price_unknown'
  | 'context_length_exceeded'
  | 'answer_too_large'
  // the upstream
  | 'upstream_rejected_request'
  | 'upstream_rate_limited'
  | 'upstream_unavailable'
  | 'upstream_bad_response'
  | 'upstream_error'
  | 'upstream_timeout'
  // ourselves
  | 'not_found'
  | 'conflict'
  | 'conversation_busy'
  | 'idempotency_conflict'
  | 'idempotency_erased'
  | 'idempotency_not_kept'
  | 'idempotency_running'
  | 'overloaded'
  | 'draining'
  | 'storage_unavailable'
  | 'internal';

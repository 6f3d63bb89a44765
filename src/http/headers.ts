/** Headers of every response (docs/surfaces.md, "Headers"). */
export const EXPOSED_HEADERS = [
  'x-request-id',
  'retry-after',
  'retry-after-ms',
  'x-should-retry',
  'openai-processing-ms',
  'x-conversation-id',
  'content-disposition',
  'idempotent-replayed',
  'x-ratelimit-limit-requests',
  'x-ratelimit-limit-tokens',
  'x-ratelimit-remaining-requests',
  'x-ratelimit-remaining-tokens',
  'x-ratelimit-reset-requests',
  'x-ratelimit-reset-tokens',
].join(', ');

export const ALLOWED_METHODS = 'GET, POST, PATCH, DELETE, OPTIONS, HEAD';

const INBOUND_REQUEST_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** True for a caller's request id that is safe to repeat in headers, logs and rows. */
export function isRequestId(text: string | undefined): text is string {
  return text !== undefined && INBOUND_REQUEST_ID.test(text);
}

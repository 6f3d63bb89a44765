import type { ErrorCode } from '../common/errors/error-code.js';

export interface ErrorGuide {
  /** A message as it is sent, for examples. */
  readonly message: string;
  /** What has happened, for the caller. */
  readonly meaning: string;
  readonly advice: string;
}

const CHECK_KEY = 'Check the key and its header. A revoked key is answered like an unknown one.';
const LATER = 'Try again after `retry-after`.';
const RETRY = 'Try again with growing pauses; nothing was charged.';

/**
 * What every failure means to a caller and what to do about it: the words of the OpenAPI document and of
 * docs/errors.md. Exhaustive by type, as the error table is.
 */
export const ERROR_GUIDE = {
  invalid_url: {
    message: 'Invalid URL (POST /v1/chat/completion)',
    meaning: 'No route has this path.',
    advice: 'Check the base URL: each surface has its own.',
  },
  malformed_request: {
    message: 'The URL could not be decoded.',
    meaning:
      'This is no valid HTTP: bad framing, a URL that cannot be decoded, more than one `Host` header, an `Idempotency-Key` that is none.',
    advice: 'Send well-formed HTTP.',
  },
  method_not_allowed: {
    message:
      'Not allowed to GET on /v1/chat/completions. (HINT: Perhaps you meant to use a different HTTP method?)',
    meaning: 'The path exists, but not with this method.',
    advice: 'Use one of those in `allow`.',
  },
  headers_too_large: {
    message: 'Too many headers: at most 100 are accepted.',
    meaning: 'More than 100 headers, or more than 16 KB of them.',
    advice: 'Send fewer.',
  },
  missing_api_key: {
    message:
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or in an X-API-Key header.",
    meaning: 'No header carries a key.',
    advice: 'Send `Authorization: Bearer …` or `X-API-Key: …`.',
  },
  invalid_api_key: {
    message: 'Incorrect API key provided: sk-tg***4A.',
    meaning: 'The key is unknown or revoked.',
    advice: CHECK_KEY,
  },
  api_key_expired: {
    message: 'This API key expired at 2027-01-31T00:00:00.000Z. Use another key, or ask for a new one.',
    meaning:
      'The key is right and has ended: it expired, or it was rotated and the time of the old secret is over.',
    advice: 'Use another key. The operator can make one, or let this one expire later.',
  },
  api_key_not_accepted: {
    message: 'This is an API key, and the admin API takes the admin key. API keys are for /v1.',
    meaning: 'A valid API key was sent to the admin API.',
    advice: 'Send the admin key.',
  },
  admin_key_not_accepted: {
    message:
      'This is the admin key, and this route takes API keys. Make one with POST /admin/v1/keys or the command line tool.',
    meaning: 'The admin key was sent to a route for API keys.',
    advice: 'Send an API key. The admin key can make one.',
  },
  ambiguous_credentials: {
    message: 'The request has more than one authorization header.',
    meaning: 'One key header was sent twice.',
    advice: 'Send it once.',
  },
  too_many_failed_attempts: {
    message: 'Too many failed authentication attempts from your address. Please try again later.',
    meaning: 'Too many wrong keys came from this address within a minute, and this one is wrong as well.',
    advice: `Correct the key. ${LATER}`,
  },
  permission_denied: {
    message: 'You have insufficient permissions for this operation.',
    meaning:
      'This key may not do this: delete a model, read conversations, manage chatbots, or store what its account does not keep.',
    advice: 'Do not try again.',
  },
  account_suspended: {
    message: 'The account of this API key is suspended. Ask the operator of this server to reactivate it.',
    meaning: 'The operator has suspended the account; none of its keys works.',
    advice: 'Ask the operator. Nothing is lost: a reactivated account goes on as it was.',
  },
  address_not_allowed: {
    message:
      'This API key may not be used from your address, 203.0.113.7. Call from an allowed one, or have it added to allowed_ips of the key.',
    meaning: 'The key has a list of addresses, and the one that the request came from is not on it.',
    advice:
      'Call from an allowed address, or have this one added. Behind a proxy the operator has to set `TRUSTED_PROXY_HOPS`.',
  },
  request_rate_limited: {
    message:
      'Rate limit reached on requests per min (RPM): Limit 60, Used 60, Requested 1. Please try again in 1s.',
    meaning: "The key's requests per minute are used up.",
    advice: `${LATER} The \`x-ratelimit-*-requests\` headers tell how much is left.`,
  },
  token_rate_limited: {
    message:
      'Rate limit reached for sandbox/chat on tokens per min (TPM): Limit 1000, Used 400, Requested 1037. Please try again in 27s.',
    meaning: "The key's tokens per minute do not suffice for this request.",
    advice: `${LATER} A smaller \`max_tokens\` reserves less.`,
  },
  tokens_above_limit: {
    message:
      'Request too large for sandbox/chat on tokens per min (TPM): Limit 1000, Requested 4037. The input or output tokens must be reduced in order to run successfully.',
    meaning:
      "The prompt and the `max_tokens` that was asked for are more than the key's tokens of a whole minute.",
    advice: 'Ask for less, or use a key with a higher limit. Trying again does not help.',
  },
  concurrency_limited: {
    message:
      'Rate limit reached on concurrent requests: Limit 4, Used 4, Requested 1. Please try again in 1s.',
    meaning: 'The key has as many requests under way as it may have at a time.',
    advice: 'Wait until one of them has ended.',
  },
  insufficient_quota: {
    message:
      'You exceeded your current quota, please check your plan and billing details: the available credits do not cover the most that this request can cost. It needs 4.1 credits, and 3 are available. A smaller max_tokens or n may fit.',
    meaning:
      'The credits of the account, or the budget of the key, do not cover the most that this can cost.',
    advice: 'Add credits, or ask for less: a smaller `max_tokens` or `n`.',
  },
  storage_quota_exceeded: {
    message:
      'Storage quota exceeded: this account has 10000 of at most 10000 conversations and this request needs 1 more. Delete some of them, or have the operator raise `max_conversations`.',
    meaning:
      'The account stores as much as it may: conversations, stored completions, chatbots, or answers kept for their `Idempotency-Key`. Nothing was called, stored or charged.',
    advice:
      'Delete what is not needed, or ask the operator for more room. Requests that store nothing go on: without `store`, `Idempotency-Key` and conversation.',
  },

  request_timeout: {
    message: 'The request took too long to arrive.',
    meaning: 'Headers took longer than 15 seconds to arrive, or the whole request longer than 2 minutes.',
    advice: 'Try again on a new connection: this one is closed.',
  },
  request_too_large: {
    message: 'Request body too large: at most 20971520 bytes are accepted.',
    meaning: 'The body is longer than `MAX_BODY_BYTES`, as sent or decompressed.',
    advice: 'Send less, for instance smaller images.',
  },
  unsupported_content_type: {
    message:
      "Unsupported content type: 'text/plain'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: text/plain'.",
    meaning: 'The content type is not JSON.',
    advice: 'Send `Content-Type: application/json`.',
  },
  unsupported_charset: {
    message: "Unsupported charset: 'utf-16'. Send UTF-8.",
    meaning: 'The body is in a character set other than UTF-8.',
    advice: 'Send UTF-8.',
  },
  unsupported_encoding: {
    message: "Unsupported content encoding: 'zstd'. Supported are gzip, deflate and br.",
    meaning: 'The body is compressed in an unknown way.',
    advice: 'Use gzip, deflate, br or none.',
  },
  body_unreadable: {
    message: 'The request body is not valid UTF-8.',
    meaning: 'The body is no valid UTF-8, or no valid data of its content encoding.',
    advice: 'Mend the encoding.',
  },
  validation_failed: {
    message: "Missing required parameter: 'messages'.",
    meaning:
      'The body is no JSON object, or a field breaks a rule. `param` names the field, `code` the rule.',
    advice: 'Mend the request.',
  },

  model_not_found: {
    message: 'The model `gpt-9` does not exist or you do not have access to it.',
    meaning: 'No model has this id; on the models routes also: none that this key may use.',
    advice: 'Take an id from the models route.',
  },
  model_not_allowed: {
    message: 'You are not allowed to use this model.',
    meaning: "The model is not on the key's list of models, or the key is not on the chatbot's list of keys.",
    advice: 'Use another model or key.',
  },
  price_unknown: {
    message: 'The price of this model is not known, so it cannot be used yet.',
    meaning: 'The operator has not written down what this model costs.',
    advice: 'Tell the operator: every model needs a price, `0` if it is free.',
  },
  context_length_exceeded: {
    message:
      "This model's maximum context length is 131072 tokens. However, your messages resulted in 140002 tokens. Please reduce the length of the messages.",
    meaning: 'Prompt and answer do not fit into the context of the model.',
    advice: 'Shorten the messages or ask for fewer tokens.',
  },
  answer_too_large: {
    message:
      'The answer to this request is, or may become, larger than 64 MiB of JSON. Ask for fewer choices (n), fewer tokens (max_tokens) or fewer log probabilities (top_logprobs), or stream it (stream: true).',
    meaning:
      'A whole answer is, or may by its `max_tokens` become, larger than 64 MiB of JSON. It costs nothing.',
    advice: 'Ask for fewer choices, tokens or log probabilities, or stream it.',
  },

  upstream_rejected_request: {
    message: "The model's provider rejected the request.",
    meaning:
      'The upstream refuses this request, for instance a parameter that the model does not have, or a picture that it cannot read.',
    advice: 'Mend the request; the message is the upstream’s own, without secrets.',
  },
  upstream_rate_limited: {
    message: "The model's provider limits requests at the moment. Please try again later.",
    meaning: 'The upstream is over its own rate limit, on every route of the model.',
    advice: LATER,
  },
  upstream_unavailable: {
    message: "The model's provider is not available at the moment. Please try again later.",
    meaning: 'The upstream cannot be reached or is overloaded, on every route of the model.',
    advice: RETRY,
  },
  upstream_bad_response: {
    message: "The model's provider sent an answer that cannot be understood.",
    meaning: 'The upstream sent something that is no answer, or only a part of one.',
    advice: RETRY,
  },
  upstream_error: {
    message: "The model's provider failed to answer.",
    meaning: 'The upstream failed, or refused the operator’s own key.',
    advice: RETRY,
  },
  upstream_timeout: {
    message: "The model's provider did not answer in time.",
    meaning: 'The upstream did not answer within `UPSTREAM_TIMEOUT_MS`.',
    advice: 'Ask for less, or stream. Official SDKs are told not to try again.',
  },

  not_found: {
    message: 'There is no such record.',
    meaning: 'No record has this id, or none that this key may see.',
    advice: 'Check the id.',
  },
  idempotency_conflict: {
    message:
      'This Idempotency-Key was used for a request with another body. Use a new key for a new request.',
    meaning: 'The first request with this key asked something else.',
    advice: 'Use a new key for every new request, and the same key only to repeat one.',
  },
  idempotency_erased: {
    message:
      'The answer to the first request with this Idempotency-Key was erased. Use a new key to ask again.',
    meaning:
      'The answer that was kept under this key was erased with its conversation, completion or account.',
    advice: 'Use a new key to have it answered, and charged, anew.',
  },
  idempotency_not_kept: {
    message:
      'The answer to the first request with this Idempotency-Key is too long to be kept, so it cannot be given again. Use a new key to ask again.',
    meaning:
      'The first answer has more than 8 million characters. It was given and charged once, and is not kept.',
    advice: 'Use a new key to have it answered, and charged, anew.',
  },
  idempotency_running: {
    message: 'The first request with this Idempotency-Key is still running, please try again.',
    meaning: 'Another process is answering the first request and was not done in time.',
    advice: 'Try again with the same key after `retry-after`.',
  },
  conflict: {
    message: 'The record was changed in the meantime.',
    meaning: 'Another request stands against this one.',
    advice: 'Read the present state and decide anew.',
  },
  conversation_busy: {
    message:
      'Another request is going on with this conversation. Wait for its answer, then send this one again.',
    meaning: 'Another request goes on with the same conversation: turns, and changes by hand, never mix.',
    advice: 'Try again after `retry-after`; official SDKs do so by themselves.',
  },
  overloaded: {
    message: 'The engine is currently overloaded, please try again later.',
    meaning: 'The gateway has more work than it can do, or is not ready.',
    advice: LATER,
  },
  draining: {
    message: 'The server is shutting down, please try again.',
    meaning: 'The process is shutting down.',
    advice: `${LATER} Another replica, or the restarted process, answers.`,
  },
  storage_unavailable: {
    message: 'Storage is unavailable at the moment. Please try again.',
    meaning:
      'The database is away or full: an answer could not be charged and is not given, or a record could not be read or written.',
    advice: LATER,
  },
  internal: {
    message: 'The server had an error while processing your request. Sorry about that!',
    meaning: 'A bug in the gateway.',
    advice: 'Try again; report it with its `x-request-id`.',
  },
} as const satisfies Record<ErrorCode, ErrorGuide>;

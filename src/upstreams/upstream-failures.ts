/** What goes wrong at upstreams, by what it means to us: every adapter says the same thing in the same words. */
import { UpstreamError, type UpstreamErrorCode, type UpstreamErrorOptions } from './upstream.errors.js';

export interface Meaning {
  readonly code: UpstreamErrorCode;
  readonly message: string;
  readonly safeToRetry?: boolean;
  readonly alert?: boolean;
}

/** The request is at fault. Say it with `rejectedRequest()`. */
export const REJECTED: Meaning = {
  code: 'upstream_rejected_request',
  message: "The model's provider rejected the request.",
};
/** Our key, our address or our model id there is wrong: never the caller's fault, so never their 401 or 404 (U9). */
export const MISCONFIGURED: Meaning = {
  code: 'upstream_error',
  message: "The model's provider could not be used.",
  safeToRetry: true,
  alert: true,
};
const CONTEXT_LENGTH_EXCEEDED: Meaning = {
  code: 'context_length_exceeded',
  message: "The request exceeds the model's maximum context length.",
};
const RATE_LIMITED: Meaning = {
  code: 'upstream_rate_limited',
  message: "The model's provider limits requests at the moment. Please try again later.",
  safeToRetry: true,
};
const UNAVAILABLE: Meaning = {
  code: 'upstream_unavailable',
  message: "The model's provider is not available at the moment. Please try again later.",
  safeToRetry: true,
};
/** Our account there is empty: to the caller that is an outage. */
const OUT_OF_FUNDS: Meaning = { ...UNAVAILABLE, alert: true };
const UNREACHABLE: Meaning = {
  code: 'upstream_unavailable',
  message: "The model's provider cannot be reached at the moment.",
  safeToRetry: true,
};
const TIMED_OUT: Meaning = {
  code: 'upstream_timeout',
  message: "The model's provider did not answer in time.",
};
const FAILED: Meaning = { code: 'upstream_error', message: "The model's provider failed to answer." };
const CUT_OFF: Meaning = {
  code: 'upstream_error',
  message: "The connection to the model's provider broke off.",
};
const NOT_UNDERSTOOD: Meaning = {
  code: 'upstream_bad_response',
  message: "The model's provider sent an answer that cannot be understood.",
};

/**
 * Statuses that mean something else than their class.
 * @see https://platform.openai.com/docs/guides/error-codes (read 2026-11)
 * @see https://docs.claude.com/en/api/errors (529: overloaded)
 * @see https://ai.google.dev/gemini-api/docs/troubleshooting (409: aborted, 499: cancelled)
 * @see https://openrouter.ai/docs/api-reference/errors (402: our credits there; 408: timeout)
 * @see https://api-docs.deepseek.com/quick_start/error_codes (402: our balance there)
 * 520 to 524 are Cloudflare's.
 */
const BY_STATUS: ReadonlyMap<number, Meaning> = new Map([
  [400, REJECTED],
  [402, OUT_OF_FUNDS],
  [408, TIMED_OUT],
  [409, FAILED],
  [413, REJECTED],
  [422, REJECTED],
  [429, RATE_LIMITED],
  [499, FAILED],
  [503, UNAVAILABLE],
  [504, TIMED_OUT],
  [521, UNAVAILABLE],
  [522, UNAVAILABLE],
  [523, UNAVAILABLE],
  [524, TIMED_OUT],
  [529, UNAVAILABLE],
]);

/** @param status 400 or more */
export function meaningOfStatus(status: number): Meaning {
  return BY_STATUS.get(status) ?? (status >= 500 ? FAILED : MISCONFIGURED);
}

export function errorOf(meaning: Meaning, options: UpstreamErrorOptions = {}): UpstreamError {
  const { code, message, safeToRetry = false, alert = false } = meaning;
  return new UpstreamError(code, message, { safeToRetry, alert, ...options });
}

/** @param said the upstream's words, made safe: they tell callers what they did wrong */
export function rejectedRequest(said: string | undefined, options: UpstreamErrorOptions = {}): UpstreamError {
  return errorOf({ ...REJECTED, message: said ?? REJECTED.message }, options);
}

/**
 * The prompt does not fit the model. Clients look for the words "maximum context length".
 * @param said the upstream's words, made safe: its numbers help whose prompt is too long
 */
export function contextLengthExceeded(
  said: string | undefined,
  options: UpstreamErrorOptions = {},
): UpstreamError {
  const { message } = CONTEXT_LENGTH_EXCEEDED;
  const shown = said?.includes('maximum context length') ? said : [message, said].filter(Boolean).join(' ');
  return errorOf({ ...CONTEXT_LENGTH_EXCEEDED, message: shown }, { param: 'messages', ...options });
}

/** Following one would send our key to whatever host it names (U28). */
export function redirected(status: number): UpstreamError {
  return badResponse('redirect', { upstreamStatus: status, safeToRetry: true, alert: true });
}

/** @param what for the log, in our own words: no text of the upstream */
export function badResponse(what: string, options: UpstreamErrorOptions = {}): UpstreamError {
  return errorOf(NOT_UNDERSTOOD, { cause: new Reason(what), ...options });
}

/** The upstream gave a choice up, or the whole answer, and says so in the answer. */
export function generationFailed(finishReason: string): UpstreamError {
  return errorOf(FAILED, { cause: new Reason(`finish_reason ${finishReason.slice(0, 64)}`) });
}

/** @param started whether the request may have reached the upstream, so that another attempt may pay twice */
export function deadlinePassed(what: string, started: boolean): UpstreamError {
  return errorOf(TIMED_OUT, { cause: new Reason(what), safeToRetry: !started });
}

/** Not a byte of the request was written. */
export function unreachable(cause: unknown): UpstreamError {
  return errorOf(UNREACHABLE, { cause });
}

/** The connection went with the request on its way, or within the answer. */
export function cutOff(cause: unknown): UpstreamError {
  return errorOf(CUT_OFF, { cause });
}

/**
 * The body of an answer came to its end before the answer did. A caller is told of a closed connection in the words for
 * any other one, whatever moment it comes at; else the upstream has said that this was all.
 *
 * @param what for the log, as in `badResponse`
 */
export function endedEarly(what: string, byClose: boolean): UpstreamError {
  const { code, message } = byClose ? { ...CUT_OFF, code: NOT_UNDERSTOOD.code } : NOT_UNDERSTOOD;
  return errorOf({ code, message }, { cause: new Reason(what) });
}

/** The same failure after the model had begun to answer: then another attempt pays twice. */
export function afterChunks(error: UpstreamError): UpstreamError {
  const { code, message, cause, param, retryAfterMs, upstreamStatus, alert } = error;
  return error.safeToRetry
    ? new UpstreamError(code, message, { cause, param, retryAfterMs, upstreamStatus, alert })
    : error;
}

/** Whoever asked has gone; nobody reads this. */
export function attemptAborted(): UpstreamError {
  return errorOf(FAILED, { cause: new Reason('aborted by the caller') });
}

/** Our own words about a failure, for the log, which takes the code of a cause. */
class Reason extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

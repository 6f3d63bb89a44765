/** What the OpenAI wire says when it fails, as `UpstreamError`: tables first, then the readers. */
import type { IncomingHttpHeaders } from 'node:http';
import { retryAfterMs } from '../../retry-timing.js';
import { safeMessage } from '../../safe-message.js';
import {
  afterChunks,
  contextLengthExceeded,
  errorOf,
  meaningOfStatus,
  redirected,
  REJECTED,
  rejectedRequest,
} from '../../upstream-failures.js';
import type { UpstreamError, UpstreamErrorOptions } from '../../upstream.errors.js';

/** The words that vendors put in `error.code`, `error.type` or `error.status`, as the HTTP status that they mean. */
const STATUS_OF_WORD: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['badrequesterror', 400],
  ['invalid_argument', 400],
  ['context_length_exceeded', 400],
  ['exceed_context_size_error', 400],
  ['invalid_api_key', 401],
  ['authentication_error', 401],
  ['unauthenticated', 401],
  ['insufficient_quota', 402],
  ['insufficient_balance', 402],
  ['billing_hard_limit_reached', 402],
  ['billing_not_active', 402],
  ['permission_error', 403],
  ['permission_denied', 403],
  ['model_not_found', 404],
  ['not_found_error', 404],
  ['rate_limit_exceeded', 429],
  ['rate_limit_error', 429],
  ['resource_exhausted', 429],
  ['server_error', 500],
  ['internal_server_error', 500],
  ['overloaded_error', 529],
  ['server_overloaded', 529],
  ['service_unavailable', 503],
  ['unavailable', 503],
  ['timeout', 504],
  ['timeout_error', 504],
  ['deadline_exceeded', 504],
]);

/** OpenAI, Azure and Mistral; vLLM; llama.cpp; Anthropic behind a relay; Gemini. */
const CONTEXT_LENGTH_TEXT =
  /maximum context length|context[ _]length[ _]exceeded|exceeds? (?:the )?(?:available )?context|context window|prompt is too long|input token count .{0,40}exceeds|exceed_context_size/i;

/** Gemini and xAI answer 400 to a bad key; a caller must not be told to look for it in the request. */
const BAD_KEY_TEXT =
  /\b(?:invalid|incorrect|wrong|missing) api[ _-]?key|api[ _-]?key (?:is )?(?:not valid|invalid|expired|missing)/i;

export interface ErrorContext {
  /** Never shown: our key for the upstream, its host. */
  readonly secrets: readonly string[];
  /** Wall clock. */
  readonly nowMs: number;
}

/**
 * A response with a status of 300 or more.
 * @param body as much of it as was read; may be no JSON
 */
export function errorFromResponse(
  response: { status: number; headers: IncomingHttpHeaders; body: string },
  context: ErrorContext,
): UpstreamError {
  const { status } = response;
  if (status < 400) return redirected(status);
  const wire = toWireError(tryParse(response.body));
  return describe(meantStatus(status, wire), wire, context, {
    upstreamStatus: status,
    retryAfterMs: retryAfterMs(response.headers, context.nowMs),
  });
}

/**
 * An error object inside a 200: the whole body, or an event of a stream.
 * @param chunksBefore true when the model had begun to answer: then no retry is safe
 */
export function errorFromBody(value: unknown, context: ErrorContext, chunksBefore: boolean): UpstreamError {
  const wire = toWireError(value);
  const error = describe(wire.status ?? statusOfWords(wire) ?? 500, wire, context, { upstreamStatus: 200 });
  return chunksBefore ? afterChunks(error) : error;
}

function describe(
  status: number,
  wire: WireError,
  context: ErrorContext,
  options: UpstreamErrorOptions,
): UpstreamError {
  const meaning = meaningOfStatus(status);
  if (meaning !== REJECTED) return errorOf(meaning, options);

  const said = safeMessage(wire.message, context.secrets);
  const param = wire.param !== undefined && /^[\w.[\]-]{1,100}$/.test(wire.param) ? wire.param : undefined;
  return wire.words.includes('context_length_exceeded') || CONTEXT_LENGTH_TEXT.test(wire.message)
    ? contextLengthExceeded(said, { ...options, param: param ?? 'messages' })
    : rejectedRequest(said, { ...options, param });
}

/** The HTTP status, unless the words beside it are known to be truer. */
function meantStatus(status: number, wire: WireError): number {
  const spoken = statusOfWords(wire);
  if (status === 429) return spoken === 402 ? 402 : 429;
  if (status !== 400) return status;
  if (BAD_KEY_TEXT.test(wire.message)) return 401;
  return spoken === 401 || spoken === 402 || spoken === 404 ? spoken : 400;
}

interface WireError {
  readonly message: string;
  /** `code`, `type` and `status`, in lower case, the most telling first. */
  readonly words: readonly string[];
  /** A number in `code` or `status` that is an HTTP error status. */
  readonly status: number | undefined;
  readonly param: string | undefined;
}

/** Reads `{error: {…}}`, `{error: "…"}`, the bare `{message, type, code}` and Gemini's `[{error: {…}}]`. */
function toWireError(value: unknown): WireError {
  const outer = Array.isArray(value) ? (value[0] as unknown) : value;
  const inner = field(outer, 'error') ?? outer;
  const names = [field(inner, 'code'), field(inner, 'type'), field(inner, 'status')];
  const message = typeof inner === 'string' ? inner : (field(inner, 'message') ?? field(inner, 'detail'));
  const param = field(inner, 'param');
  return {
    message: typeof message === 'string' ? message : '',
    words: names.filter((name) => typeof name === 'string').map((name) => name.toLowerCase()),
    status: names.map(Number).find((name) => Number.isInteger(name) && name >= 400 && name < 600),
    param: typeof param === 'string' ? param : undefined,
  };
}

function statusOfWords(wire: WireError): number | undefined {
  return wire.words.map((word) => STATUS_OF_WORD.get(word)).find((status) => status !== undefined);
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

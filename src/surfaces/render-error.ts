import { DomainError } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-code.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { wireError } from './error-table.js';
import type { Surface } from './surface.js';
import { toOpenAiError } from './validation-openai.js';
import { toPydanticError } from './validation-pydantic.js';

export interface ErrorObject {
  message: string;
  type: string;
  param: string | null;
  code: string | null;
}

export interface RenderedError {
  readonly status: number;
  /** Reason phrase, where Node has none of its own. */
  readonly reason: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { error: ErrorObject; detail?: unknown };
}

const INTERNAL_MESSAGE = 'The server had an error while processing your request. Sorry about that!';

const AUTHENTICATE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'missing_api_key',
  'invalid_api_key',
  'api_key_expired',
  'api_key_not_accepted',
  'admin_key_not_accepted',
  'ambiguous_credentials',
]);

/** 499 is no number that Node has a phrase for; the dialect's own name of it. */
const REASONS: Readonly<Record<number, string>> = { 499: 'Client Closed Request' };

/**
 * A failure as the given dialect says it, before any byte of the answer was sent.
 * Anything but a `DomainError` is our bug: a generic 500 that tells nothing of it.
 */
export function renderError(error: unknown, surface: Surface): RenderedError {
  if (error instanceof ValidationFailedError) return renderValidation(error, surface);
  const code: ErrorCode = error instanceof DomainError ? error.code : 'internal';
  const wire = wireError(code);
  const folded = wire.inference === true && surface.inferenceFailureStatus !== undefined;
  const status = folded ? (surface.inferenceFailureStatus ?? wire.status) : wire.status;
  const message =
    error instanceof DomainError && code !== 'internal' && error.message !== ''
      ? error.message
      : INTERNAL_MESSAGE;
  const param = error instanceof DomainError ? (error.param ?? null) : null;

  const headers: Record<string, string> = {};
  if (AUTHENTICATE.has(code)) headers['www-authenticate'] = 'Bearer';
  if (wire.shouldRetry === false) headers['x-should-retry'] = 'false';
  if (wire.retryAfter === true && !folded) {
    Object.assign(headers, retryAfterHeaders(error instanceof DomainError ? error.retryAfterMs : undefined));
  }
  return {
    status,
    reason: REASONS[status],
    headers,
    body: errorBody(
      {
        message,
        type: folded ? 'server_error' : wire.type,
        param,
        code: folded ? 'inference_error' : wire.code,
      },
      surface,
    ),
  };
}

/** The two error events' payload of a stream that broke after its first byte: no `choices`, the same on all surfaces. */
export function renderStreamError(error: unknown): { error: ErrorObject; detail: string } {
  const timedOut = error instanceof DomainError && error.code === 'upstream_timeout';
  const message =
    error instanceof DomainError && error.code !== 'internal' && error.message !== ''
      ? error.message
      : INTERNAL_MESSAGE;
  return {
    error: {
      message,
      type: 'server_error',
      param: null,
      code: timedOut ? 'timeout' : 'upstream_error',
    },
    detail: message,
  };
}

function renderValidation(error: ValidationFailedError, surface: Surface): RenderedError {
  if (surface.validation === 'pydantic') {
    const rendered = toPydanticError(error.issues, error.body, error.place);
    return {
      status: 422,
      reason: undefined,
      headers: {},
      body: {
        error: {
          message: rendered.error.message,
          type: 'invalid_request_error',
          param: rendered.error.param,
          code: rendered.error.code,
        },
        detail: rendered.detail,
      },
    };
  }
  const first = toOpenAiError(error.issues);
  return {
    status: 400,
    reason: undefined,
    headers: {},
    body: errorBody({ type: 'invalid_request_error', ...first }, surface),
  };
}

function errorBody(
  { message, type, param, code }: ErrorObject,
  surface: Surface,
): { error: ErrorObject; detail?: unknown } {
  const error: ErrorObject = { message, type, param, code };
  return surface.errorDetail ? { error, detail: message } : { error };
}

/** Whole seconds 1..60 for everyone, milliseconds for clients that read them (openai-node ignores more than 60 s). */
function retryAfterHeaders(retryAfterMs = 1000): Record<string, string> {
  const ms = Math.min(Math.max(Math.ceil(retryAfterMs), 1), 60_000);
  return { 'retry-after': String(Math.max(1, Math.ceil(ms / 1000))), 'retry-after-ms': String(ms) };
}

import { UpstreamError, type UpstreamErrorCode } from '../../upstream.errors.js';
import { retryAfterMs } from './retry-after.js';
import type { Vendor } from './vendor.js';
import { safeVendorText } from './vendor-text.js';

/** What an error is read with. */
export interface ErrorContext {
  readonly vendor: Pick<Vendor, 'contextTooLong' | 'operatorFault'>;
  /** Ours for this upstream, to be kept out of every text. */
  readonly apiKey: string;
  readonly nowMs: number;
}

interface StatusRule {
  readonly code: UpstreamErrorCode;
  readonly message: string;
  /** The vendor did no work: it turned us away at the door. */
  readonly safeToRetry?: true;
  readonly alert?: true;
}

const OPERATOR_FAULT: StatusRule = {
  code: 'upstream_error',
  message: 'The upstream refused our account.',
  safeToRetry: true,
  alert: true,
};
const UNAVAILABLE: StatusRule = { code: 'upstream_unavailable', message: 'The upstream failed.' };
const REJECTED: StatusRule = {
  code: 'upstream_rejected_request',
  message: 'The upstream rejected the request',
};
const UNREADABLE: StatusRule = {
  code: 'upstream_bad_response',
  message: 'The upstream sent an answer that cannot be read.',
};

/**
 * What a vendor's status means to us. The caller never sees 401 or 403: they would look for the fault in their own key
 * (U9). Statuses that are not here follow their class.
 * @see https://docs.claude.com/en/api/errors
 * @see https://ai.google.dev/gemini-api/docs/troubleshooting
 */
const STATUS_RULES: Readonly<Record<number, StatusRule>> = {
  401: OPERATOR_FAULT,
  402: OPERATOR_FAULT,
  403: OPERATOR_FAULT,
  404: { ...OPERATOR_FAULT, message: 'The upstream does not know this model.' },
  408: { code: 'upstream_timeout', message: 'The upstream gave up on the request.' },
  409: UNAVAILABLE,
  429: { code: 'upstream_rate_limited', message: 'The upstream is rate limiting us.', safeToRetry: true },
  499: UNAVAILABLE,
  503: { ...UNAVAILABLE, message: 'The upstream is overloaded.', safeToRetry: true },
  504: { code: 'upstream_timeout', message: 'The upstream did not finish its answer in time.' },
  529: { ...UNAVAILABLE, message: 'The upstream is overloaded.', safeToRetry: true },
};

/**
 * Whatever an AI SDK package threw, as ours and in words that are safe to show (S29). Our own errors, which the packages
 * wrap, come out as they went in.
 */
export function toUpstreamError(error: unknown, context: ErrorContext): UpstreamError {
  const ours = findUpstreamError(error);
  if (ours !== undefined) return ours;
  if (nameOf(error) === 'AI_UnsupportedFunctionalityError') {
    const what = safeVendorText(textOf(error, 'functionality'), context.apiKey);
    return new UpstreamError('upstream_rejected_request', `This model does not support: ${what}.`, {
      safeToRetry: true,
    });
  }
  const status = numberOf(error, 'statusCode');
  if (status === undefined) {
    // A package's errors hold the answer they could not read, or the prompt: neither is for the log.
    const cause = nameOf(error).startsWith('AI_') ? new Error(nameOf(error)) : error;
    return new UpstreamError(UNREADABLE.code, UNREADABLE.message, { cause });
  }
  return fromStatus(status, error, context);
}

function fromStatus(status: number, error: unknown, context: ErrorContext): UpstreamError {
  // The package's error holds the whole prompt, which no log may see: the cause is a short one of our own.
  const text = safeVendorText(textOf(error, 'message'), context.apiKey);
  const options = { upstreamStatus: status, cause: new Error(`${status} ${text}`) };
  const rule = ruleOf(status, error, context);
  if (rule.code === 'context_length_exceeded') {
    return new UpstreamError(rule.code, `${rule.message}: ${text}`, { ...options, param: 'messages' });
  }
  if (rule === REJECTED) return new UpstreamError(rule.code, `${rule.message}: ${text}`, options);
  const body = textOf(error, 'responseBody');
  return new UpstreamError(rule.code, rule.message, {
    ...options,
    safeToRetry: rule.safeToRetry ?? false,
    alert: rule.alert ?? false,
    retryAfterMs: retryAfterMs(headersOf(error), body, context.nowMs),
  });
}

function ruleOf(status: number, error: unknown, { vendor }: ErrorContext): StatusRule {
  const rule = STATUS_RULES[status];
  if (rule !== undefined) return rule;
  if (status >= 500) return UNAVAILABLE;
  // A redirect is not followed (U28), and a 200 that made the package throw was no answer (U11).
  if (status < 400) return UNREADABLE;
  const said = `${vendorTypeOf(error)} ${textOf(error, 'message')}`;
  if (vendor.operatorFault.test(said)) return OPERATOR_FAULT;
  if (!vendor.contextTooLong.test(said)) return REJECTED;
  return {
    code: 'context_length_exceeded',
    message: "The request exceeds this model's maximum context length",
  };
}

function findUpstreamError(error: unknown): UpstreamError | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && current !== undefined; depth += 1) {
    if (current instanceof UpstreamError) return current;
    current = memberOf(current, 'cause');
  }
  return undefined;
}

/** Anthropic's `error.type`, Google's `error.status`; of a stream's error part, the same under `type`. */
function vendorTypeOf(error: unknown): string {
  const fault = memberOf(memberOf(error, 'data'), 'error');
  return textOf(fault, 'type') || textOf(fault, 'status') || textOf(error, 'type');
}

function headersOf(error: unknown): Record<string, string> {
  const headers = memberOf(error, 'responseHeaders');
  return typeof headers === 'object' && headers !== null ? (headers as Record<string, string>) : {};
}

function nameOf(error: unknown): string {
  return textOf(error, 'name') || 'unknown error';
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function textOf(value: unknown, key: string): string {
  const member = memberOf(value, key);
  return typeof member === 'string' ? member : '';
}

function numberOf(value: unknown, key: string): number | undefined {
  const member = memberOf(value, key);
  return typeof member === 'number' ? member : undefined;
}

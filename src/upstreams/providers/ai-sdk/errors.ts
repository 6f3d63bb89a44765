import { retryAfterMs } from '../../retry-timing.js';
import { UpstreamError, type UpstreamErrorCode } from '../../upstream.errors.js';

import type { Vendor } from './vendor.js';
import { safeVendorText } from './vendor-text.js';

/** What an error is read with. */
export interface ErrorContext {
  readonly vendor: Pick<Vendor, 'contextTooLong' | 'operatorFault'>;
  /** Kept out of every text: our key for the upstream, its host. */
  readonly secrets: readonly string[];
  readonly nowMs: number;
}

interface Meaning {
  readonly code: UpstreamErrorCode;
  readonly message: string;
  /** The vendor did no work: it turned us away at the door. */
  readonly safeToRetry?: true;
  readonly alert?: true;
}

const REJECTED: Meaning = {
  code: 'upstream_rejected_request',
  message: "The model's provider rejected the request.",
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
const FAILED: Meaning = { code: 'upstream_unavailable', message: "The model's provider failed to answer." };
const OVERLOADED: Meaning = {
  code: 'upstream_unavailable',
  message: "The model's provider is not available at the moment. Please try again later.",
  safeToRetry: true,
};
const TIMED_OUT: Meaning = {
  code: 'upstream_timeout',
  message: "The model's provider did not answer in time.",
};
/** Our key, our account or our model id there is wrong: never the caller's fault, so never their 401 or 404 (U9). */
const MISCONFIGURED: Meaning = {
  code: 'upstream_error',
  message: "The model's provider could not be used.",
  safeToRetry: true,
  alert: true,
};
const NOT_UNDERSTOOD: Meaning = {
  code: 'upstream_bad_response',
  message: "The model's provider sent an answer that cannot be understood.",
};

/**
 * Statuses that mean more than their class. A 400 is looked at more closely.
 * @see https://docs.claude.com/en/api/errors
 * @see https://ai.google.dev/gemini-api/docs/troubleshooting
 */
const BY_STATUS: ReadonlyMap<number, Meaning> = new Map([
  [401, MISCONFIGURED],
  [402, MISCONFIGURED],
  [403, MISCONFIGURED],
  [404, MISCONFIGURED],
  [408, TIMED_OUT],
  [409, FAILED],
  [429, RATE_LIMITED],
  [499, FAILED],
  [503, OVERLOADED],
  [504, TIMED_OUT],
  [529, OVERLOADED],
]);

/**
 * Whatever an AI SDK package threw, or put into an error part, as ours and in words that are safe to show (S29). Our own
 * errors, which the packages wrap, come out as they went in.
 */
export function toUpstreamError(error: unknown, context: ErrorContext): UpstreamError {
  const ours = findUpstreamError(error);
  if (ours !== undefined) return ours;
  const name = textOf(error, 'name');
  if (name === 'AI_UnsupportedFunctionalityError') return unsupported(error, context);
  const status = memberOf(error, 'statusCode');
  if (typeof status === 'number') return fromStatus(status, error, context);
  // A package's own errors hold the answer that they could not read, or the prompt: neither is for the log.
  const cause = name.startsWith('AI_') ? new Error(name) : error;
  return new UpstreamError(NOT_UNDERSTOOD.code, NOT_UNDERSTOOD.message, { cause });
}

/** A failed answer to a call that no package made, as the packages would throw it. */
export async function failedResponse(response: Response): Promise<unknown> {
  const responseBody = await response.text();
  let data: unknown;
  try {
    data = JSON.parse(responseBody);
  } catch {
    data = undefined;
  }
  return {
    statusCode: response.status,
    message: textOf(memberOf(data, 'error'), 'message'),
    responseHeaders: Object.fromEntries(response.headers),
    responseBody,
    data,
  };
}

function unsupported(error: unknown, { secrets }: ErrorContext): UpstreamError {
  const what = safeVendorText(textOf(error, 'functionality'), secrets) ?? 'a part of the request';
  return new UpstreamError('upstream_rejected_request', `This model does not support: ${what}.`, {
    safeToRetry: true,
  });
}

function fromStatus(status: number, error: unknown, context: ErrorContext): UpstreamError {
  const meaning = meaningOf(status, error, context);
  const said = safeVendorText(textOf(error, 'message'), context.secrets);
  const { code, safeToRetry = false, alert = false } = meaning;
  return new UpstreamError(code, meaning === REJECTED ? (said ?? meaning.message) : sentence(meaning, said), {
    upstreamStatus: status,
    safeToRetry,
    alert,
    param: code === 'context_length_exceeded' ? 'messages' : undefined,
    retryAfterMs: retryAfterMs(retryHeaders(error), context.nowMs),
    // The package's error holds the whole prompt, which no log may see.
    cause: new Error(`${status} ${said ?? ''}`),
  });
}

function meaningOf(status: number, error: unknown, { vendor }: ErrorContext): Meaning {
  const meaning = BY_STATUS.get(status);
  if (meaning !== undefined) return meaning;
  if (status >= 500) return FAILED;
  // A redirect is not followed (U28), and a 200 that made the package throw was no answer (U11).
  if (status < 400) return NOT_UNDERSTOOD;
  const said = `${vendorWord(error)} ${textOf(error, 'message')}`;
  if (vendor.operatorFault.test(said)) return MISCONFIGURED;
  return vendor.contextTooLong.test(said) ? CONTEXT_LENGTH_EXCEEDED : REJECTED;
}

/** A vendor's numbers help whose prompt is too long; about anything else its words are for the log. */
function sentence(meaning: Meaning, said: string | undefined): string {
  return meaning === CONTEXT_LENGTH_EXCEEDED && said !== undefined
    ? `${meaning.message} ${said}`
    : meaning.message;
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
function vendorWord(error: unknown): string {
  const fault = memberOf(memberOf(error, 'data'), 'error');
  return textOf(fault, 'type') || textOf(fault, 'status') || textOf(error, 'type');
}

/**
 * The answer's headers, with the delay of Google's `RetryInfo` where they say none.
 * @see https://cloud.google.com/apis/design/errors#retry_info
 */
function retryHeaders(error: unknown): Record<string, string | undefined> {
  const delay = /"retryDelay"\s*:\s*"([\d.]+)s"/.exec(textOf(error, 'responseBody'))?.[1];
  return {
    'retry-after': delay,
    ...(memberOf(error, 'responseHeaders') as Record<string, string> | undefined),
  };
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function textOf(value: unknown, key: string): string {
  const member = memberOf(value, key);
  return typeof member === 'string' ? member : '';
}

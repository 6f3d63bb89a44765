import { retryAfterMs } from '../../retry-timing.js';
import { safeMessage } from '../../safe-message.js';
import {
  badResponse,
  contextLengthExceeded,
  errorOf,
  meaningOfStatus,
  MISCONFIGURED,
  redirected,
  REJECTED,
  rejectedRequest,
} from '../../upstream-failures.js';
import { UpstreamError, type UpstreamErrorOptions } from '../../upstream.errors.js';
import type { Vendor } from './vendor.js';

/** What an error is read with. */
export interface ErrorContext {
  readonly vendor: Pick<Vendor, 'contextTooLong' | 'operatorFault'>;
  /** Kept out of every text: our key for the upstream, its host. */
  readonly secrets: readonly string[];
  readonly nowMs: number;
}

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
  return name.startsWith('AI_') ? badResponse(name) : badResponse('unreadable', { cause: error });
}

/** The body of an answer to a call that no package made. @throws UpstreamError `upstream_bad_response` for no JSON */
export async function jsonOf(response: Response): Promise<unknown> {
  const body = await response.text();
  try {
    return JSON.parse(body);
  } catch {
    // V8 quotes the text in its message: it must not go further.
    throw badResponse('not JSON');
  }
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
  const what = safeMessage(textOf(error, 'functionality'), secrets) ?? 'a part of the request';
  return rejectedRequest(`This model does not support: ${what}.`, { safeToRetry: true });
}

/** The package's error holds the whole prompt, which no log may see: it is no cause of ours. */
function fromStatus(status: number, error: unknown, context: ErrorContext): UpstreamError {
  // A 200 that made the package throw was no answer (U11).
  if (status < 300) return badResponse('unreadable', { upstreamStatus: status });
  if (status < 400) return redirected(status);
  const options: UpstreamErrorOptions = {
    upstreamStatus: status,
    retryAfterMs: retryAfterMs(retryHeaders(error), context.nowMs),
  };
  const meaning = meaningOfStatus(status);
  if (meaning !== REJECTED) return errorOf(meaning, options);

  const { vendor, secrets } = context;
  const words = `${vendorWord(error)} ${textOf(error, 'message')}`;
  if (vendor.operatorFault.test(words)) return errorOf(MISCONFIGURED, options);
  const said = safeMessage(textOf(error, 'message'), secrets);
  return vendor.contextTooLong.test(words)
    ? contextLengthExceeded(said, options)
    : rejectedRequest(said, options);
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

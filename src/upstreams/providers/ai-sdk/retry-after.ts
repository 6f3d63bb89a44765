/** Longer waits are not believed: a client that is told to come back next week is told nothing. */
const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1000;

/**
 * When the vendor wants to be asked again, in milliseconds from now: `retry-after-ms`, else `retry-after` (seconds or an
 * HTTP date), else the delay in Google's `RetryInfo`.
 *
 * @param headers names in lower case
 * @param body of the error, unparsed
 * @see RFC 9110 section 10.2.3; https://cloud.google.com/apis/design/errors#retry_info
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string>>,
  body: string,
  nowMs: number,
): number | undefined {
  const ms =
    numberOf(headers['retry-after-ms']) ??
    fromSeconds(headers['retry-after']) ??
    fromDate(headers['retry-after'], nowMs) ??
    fromSeconds(/"retryDelay"\s*:\s*"([\d.]+)s"/.exec(body)?.[1]);
  return ms === undefined || ms < 0 || ms > MAX_RETRY_AFTER_MS ? undefined : Math.ceil(ms);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text.trim()) ? Number(text) : undefined;
}

function fromSeconds(text: string | undefined): number | undefined {
  const seconds = numberOf(text);
  return seconds === undefined ? undefined : seconds * 1000;
}

function fromDate(text: string | undefined, nowMs: number): number | undefined {
  const date = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

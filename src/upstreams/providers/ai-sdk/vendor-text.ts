const MAX_CHARS = 300;

/**
 * What a vendor wrote, safe to pass on to the caller (S29): one line, no longer than 300 characters, without our key or
 * anything that looks like one, URLs and host names.
 *
 * @param apiKey ours for this upstream
 */
export function safeVendorText(text: string, apiKey: string): string {
  const withoutKey = apiKey.length < 4 ? text : text.replaceAll(apiKey, '[redacted]');
  const line = withoutKey
    .slice(0, 4 * MAX_CHARS)
    .replace(/\b(?:sk|pk|rk|key|AIza)[-_]?[A-Za-z0-9_-]{16,}/g, '[redacted]')
    .replace(/\b[a-z][a-z0-9+.-]*:\/\/\S+/gi, '[url]')
    .replace(
      /\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b|\blocalhost(?::\d+)?\b|\b(?:[a-z0-9-]+\.)+(?:com|net|org|io|dev|ai|internal|local)\b(?::\d+)?/gi,
      '[host]',
    )
    // oxlint-disable-next-line no-control-regex -- control characters are what is to go
    .replace(/[\u0000-\u001f\u007f\u2028\u2029\s]+/g, ' ')
    .trim();
  return line.length <= MAX_CHARS ? line : `${line.slice(0, MAX_CHARS)}…`;
}

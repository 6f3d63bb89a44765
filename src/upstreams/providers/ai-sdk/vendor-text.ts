const MAX_READ_CHARS = 4000;
const MAX_SHOWN_CHARS = 300;

/** In order: what contains another comes first. The cap on what is read bounds their time. */
const HIDDEN: readonly [RegExp, string][] = [
  [/\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"'<>)]+/gi, '[url]'],
  // Keys by their looks: sk-ant-…, AIza…, and any long run that mixes letters and digits.
  [/\b(?:sk|pk|rk|key)-[\w-]{12,}|\bAIza[\w-]{12,}/g, '[hidden]'],
  [/\b(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{32,}/gi, '[hidden]'],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b|\blocalhost(?::\d{1,5})?\b/gi, '[host]'],
  [
    /\b(?:[a-z0-9-]{1,63}\.){1,8}(?:com|net|org|io|dev|ai|cloud|internal|local|example)\b(?::\d{1,5})?/gi,
    '[host]',
  ],
];

/**
 * What a vendor wrote, fit for a client's eyes (S29): one line of at most 300 characters without keys, URLs and hosts.
 *
 * @param secrets hidden whatever they look like: our key, the upstream's host
 * @returns `undefined` where no letter is left
 */
export function safeVendorText(text: string, secrets: readonly string[]): string | undefined {
  let safe = text.slice(0, MAX_READ_CHARS);
  for (const secret of secrets) if (secret.length > 3) safe = safe.replaceAll(secret, '[hidden]');
  for (const [pattern, shown] of HIDDEN) safe = safe.replace(pattern, shown);
  safe = safe.replace(/[\s\p{Cc}]+/gu, ' ').trim();
  if (!/\p{L}/u.test(safe)) return undefined;
  return safe.length <= MAX_SHOWN_CHARS ? safe : `${safe.slice(0, MAX_SHOWN_CHARS)}…`;
}

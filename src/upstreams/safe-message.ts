import { beginningOf } from '../common/shortened.js';

const MAX_READ_CHARS = 4_000;
const MAX_SHOWN_CHARS = 500;

/** In order: what contains another comes first. They see a short text only, so none can take long. */
const HIDDEN: readonly [RegExp, string | ((found: string) => string)][] = [
  [/[a-z][a-z0-9+.-]{1,20}:\/\/[^\s"'<>)]+/gi, '[url]'],
  [/[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+/gi, '[email]'],
  [/\bbearer\s+[^\s"',]+/gi, '[key]'],
  // Named keys and account ids, also masked ones: sk-…, sk-ab***yz, gsk_…, org-…
  [/\b(?:sk|pk|rk|gsk|xai|hf|nvapi|org|proj|acct)[-_][\w*-]{3,}/gi, '[key]'],
  [/\bAIza[\w-]{10,}/g, '[key]'],
  // Anything long that mixes letters and digits without a space: keys of other makes, hashes, tokens.
  [/[\w+/=-]{24,}/g, (run) => (/\d/.test(run) && /[a-z]/i.test(run) ? '[key]' : run)],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b/g, '[host]'],
  [/\[[0-9a-f:]*:[0-9a-f:]+\](?::\d{1,5})?/gi, '[host]'],
  [/\b(?:localhost|[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,8}):\d{2,5}\b/gi, '[host]'],
  [
    /\b(?:[a-z0-9-]{1,63}\.){1,8}(?:com|net|org|io|ai|dev|co|cloud|app|eu|us|uk|de|fr|cn|jp|in|ru|ch|me|xyz|tech|internal|local|localdomain|lan|corp|intranet|home|svc|cluster|test|example)\b/gi,
    '[host]',
  ],
];

/**
 * An upstream's own words, fit for a client's eyes: keys, account ids, addresses and hosts are replaced, control
 * characters are spaces, and the length is capped. Meant for the text of 400s, which tells callers what they did wrong.
 *
 * @param secrets exact strings that must not appear, whatever they look like (our key, our upstream's host)
 * @returns `undefined` where nothing readable is left
 */
export function safeMessage(text: string, secrets: readonly string[]): string | undefined {
  let safe = text;
  for (const secret of secrets) if (secret.length > 3) safe = safe.replaceAll(secret, '[hidden]');
  safe = safe.slice(0, MAX_READ_CHARS);
  for (const [pattern, shown] of HIDDEN) {
    safe = typeof shown === 'string' ? safe.replace(pattern, shown) : safe.replace(pattern, shown);
  }
  // eslint-disable-next-line no-control-regex
  safe = safe.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ').trim();
  if (safe.length > MAX_SHOWN_CHARS) safe = `${beginningOf(safe, MAX_SHOWN_CHARS - 1).trimEnd()}…`;
  return /\p{L}/u.test(safe) ? safe : undefined;
}

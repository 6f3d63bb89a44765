import { DomainError } from '../common/errors/domain-error.js';

/** The headers that may carry a key, each with every value that arrived. */
export interface CredentialHeaders {
  readonly authorization?: readonly string[] | undefined;
  readonly 'x-api-key'?: readonly string[] | undefined;
  readonly 'api-key'?: readonly string[] | undefined;
}

type KeyHeader = keyof CredentialHeaders;

const ORDER: Readonly<Record<'x-api-key' | 'authorization', readonly KeyHeader[]>> = {
  'x-api-key': ['x-api-key', 'authorization', 'api-key'],
  authorization: ['authorization', 'x-api-key', 'api-key'],
};

const BEARER = /^bearer[ \t]+/i;

/** Longer than any key that we make; what is longer is hashed for nobody. */
const MAX_SECRET_CHARS = 256;

const MISSING =
  "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or in an X-API-Key header.";

/**
 * The secret that a request shows. The surface's native header wins when it is present and not empty, then the others;
 * a wrong native key is never rescued by another header, so two tenants' keys in one request cannot be mixed up.
 *
 * @throws DomainError `missing_api_key`, `ambiguous_credentials` (one header twice), `invalid_api_key` (other scheme)
 */
export function secretOf(headers: CredentialHeaders, native: 'x-api-key' | 'authorization'): string {
  for (const name of ORDER[native]) {
    const values = headers[name];
    if (values === undefined) continue;
    if (values.length > 1) {
      throw new DomainError('ambiguous_credentials', `The request has more than one ${name} header.`);
    }
    const secret = name === 'authorization' ? bearerToken(values[0] ?? '') : (values[0] ?? '').trim();
    if (secret === '') continue;
    if (secret.length > MAX_SECRET_CHARS) throw invalidKey(secret);
    return secret;
  }
  throw new DomainError('missing_api_key', MISSING);
}

/** `Incorrect API key provided: sk-ab***yz.`: enough to recognise one's own key, too little to use it. */
export function invalidKey(secret: string): DomainError {
  return new DomainError('invalid_api_key', `Incorrect API key provided: ${mask(secret)}.`);
}

function bearerToken(value: string): string {
  const trimmed = value.trim();
  if (trimmed === '' || /^bearer$/i.test(trimmed)) return '';
  if (!BEARER.test(trimmed)) throw invalidKey(trimmed);
  return trimmed.replace(BEARER, '').trim();
}

const HEAD_CHARS = 5;
const TAIL_CHARS = 2;

/** Shows at most a third of the secret, and only characters that are harmless in a terminal. */
function mask(secret: string): string {
  if (secret.length < 3 * (HEAD_CHARS + TAIL_CHARS) || secret.length > MAX_SECRET_CHARS) return '***';
  const safe = secret.replace(/[^A-Za-z0-9_-]/g, '?');
  return `${safe.slice(0, HEAD_CHARS)}***${safe.slice(-TAIL_CHARS)}`;
}

import { hash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import { DomainError } from '../common/errors/domain-error.js';

const FORM = /^[\x21-\x7e]{1,255}$/;

/**
 * The request's `Idempotency-Key`; `undefined` where it has none.
 * @throws DomainError `malformed_request` for a key that is too long, has blanks, or comes twice
 */
export function idempotencyKeyOf(values: readonly string[] | undefined): string | undefined {
  if (values === undefined) return undefined;
  const [key] = values;
  if (values.length > 1 || key === undefined || !FORM.test(key)) {
    throw new DomainError(
      'malformed_request',
      'The Idempotency-Key header must come once and have 1 to 255 printable ASCII characters without blanks.',
    );
  }
  return key;
}

/** Where bodies are read, their depth is bounded. */
const ANY_DEPTH = Infinity;

/** What two requests must share to be the same: where they went and what they asked, in any order of fields. */
export function fingerprintOf(surface: string, endpoint: string, body: object): string {
  return hash('sha256', canonicalJson([surface, endpoint, body], ANY_DEPTH));
}

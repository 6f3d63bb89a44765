import { DomainError } from '../common/errors/domain-error.js';

const PRINTABLE = /^[\x21-\x7e]{1,255}$/;

/**
 * The `Idempotency-Key` of a request; empty is none.
 * @throws DomainError `malformed_request` for what is longer than 255 characters or not printable ASCII
 */
export function idempotencyKeyOf(header: string | undefined): string | undefined {
  const key = header?.trim() ?? '';
  if (key === '') return undefined;
  if (PRINTABLE.test(key)) return key;
  throw new DomainError(
    'malformed_request',
    'The Idempotency-Key header must be 1 to 255 printable ASCII characters without spaces.',
  );
}

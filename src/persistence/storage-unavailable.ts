import { DomainError } from '../common/errors/domain-error.js';

/**
 * The database cannot be reached, is full, read-only or too slow: nothing is known to be stored, another try may
 * succeed. The driver's own error stays in `cause`; none of its words reach the message.
 */
export function storageUnavailable(cause?: unknown): DomainError {
  return new DomainError('storage_unavailable', 'Storage is unavailable at the moment. Please try again.', {
    cause,
    retryAfterMs: 1000,
  });
}

export function isStorageUnavailable(error: unknown): error is DomainError {
  return error instanceof DomainError && error.code === 'storage_unavailable';
}

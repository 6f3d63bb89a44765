import { isStorageUnavailable } from './storage-unavailable.js';

/**
 * What driver or system said, in one line, for operators and logs: it may name hosts and paths, so it is not for
 * callers, whose words are in `storage_unavailable`.
 */
export function operatorMessage(error: unknown): string {
  if (isStorageUnavailable(error) && error.cause !== undefined) return operatorMessage(error.cause);
  // By shape: `instanceof Error` fails for errors of Node's own modules where the program runs in a `vm` context.
  if (typeof error !== 'object' || error === null) return String(error);
  // Several addresses of one host were tried; the error that holds theirs has no words of its own.
  if ('errors' in error && Array.isArray(error.errors) && error.errors.length > 0) {
    return error.errors.map(operatorMessage).join('; ');
  }
  return 'message' in error ? String(error.message).replaceAll(/\s+/g, ' ') : 'unknown error';
}

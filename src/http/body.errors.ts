import { DomainError } from '../common/errors/domain-error.js';

/** The client went away while sending: nobody is left to answer. */
export class ClientGoneError extends DomainError {
  constructor(cause?: unknown) {
    super('body_unreadable', 'The request was cut off before its body was complete.', { cause });
  }
}

export function tooLarge(maxBodyBytes: number): DomainError {
  return new DomainError(
    'request_too_large',
    `Request body too large: at most ${maxBodyBytes} bytes are accepted.`,
  );
}

export function tooDense(maxBytes: number): DomainError {
  return new DomainError(
    'request_too_large',
    `Request body too large: it unpacks to more than ${maxBytes} bytes, the most for one so small. Send it without compression.`,
  );
}

export function tooManyValues(maxValues: number, maxItems: number): DomainError {
  return new DomainError(
    'request_too_large',
    `Request body too large: at most ${maxValues} texts, keys, arrays and objects of JSON are accepted, and ${maxItems} values in all. Split the request.`,
  );
}

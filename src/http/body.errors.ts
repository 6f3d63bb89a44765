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

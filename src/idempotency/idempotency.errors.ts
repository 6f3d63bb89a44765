import { DomainError } from '../common/errors/domain-error.js';

/** The key names another request: an answer to this one cannot be kept under it. */
export class IdempotencyConflictError extends DomainError {
  constructor() {
    super(
      'idempotency_conflict',
      'This Idempotency-Key was used for a request with another body. Use a new key for a new request.',
    );
  }
}

/** The answer was erased by somebody who owns it: it is not given again, nor is another one charged under the same key. */
export class AnswerErasedError extends DomainError {
  constructor() {
    super(
      'idempotency_erased',
      'The answer to the first request with this Idempotency-Key was erased. Use a new key to ask again.',
    );
  }
}

/** The answer was given and paid, and was too long to be kept: it is not given again, nor is another one charged. */
export class AnswerNotKeptError extends DomainError {
  constructor() {
    super(
      'idempotency_not_kept',
      'The answer to the first request with this Idempotency-Key is too long to be kept, so it cannot be given again. Use a new key to ask again.',
    );
  }
}

/** Another process is still at the first execution and was not done in time. */
export class StillRunningError extends DomainError {
  constructor() {
    super(
      'idempotency_running',
      'The first request with this Idempotency-Key is still running, please try again.',
      {
        retryAfterMs: 2000,
      },
    );
  }
}

/** Another execution with this Idempotency-Key has begun, because this process was taken for dead. */
export class ExecutionLostError extends DomainError {
  constructor() {
    super('overloaded', 'The request took too long to be accounted for, please try again.', {
      retryAfterMs: 1000,
    });
  }
}

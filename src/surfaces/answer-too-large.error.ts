import { DomainError } from '../common/errors/domain-error.js';

/** More than is handed over in one piece; nothing is charged for it. */
export class AnswerTooLargeError extends DomainError {
  constructor() {
    super(
      'answer_too_large',
      'The answer to this request is, or may become, larger than 64 MiB of JSON. Ask for fewer choices (n), fewer tokens (max_tokens) or fewer log probabilities (top_logprobs), or stream it (stream: true).',
      { param: 'n' },
    );
  }
}

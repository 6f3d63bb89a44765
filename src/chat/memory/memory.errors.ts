import { DomainError } from '../../common/errors/domain-error.js';

/** What a request must be sent with is too long for the model, even without any earlier turn. */
export class PromptTooLongError extends DomainError {
  constructor(tokens: number, allowed: number) {
    super(
      'context_length_exceeded',
      // Clients look for the words "maximum context length".
      `The maximum context length leaves ${allowed} tokens for the prompt of this request. ` +
        `However, its messages, with instructions and tools, have ${tokens} tokens. Please shorten them.`,
      { param: 'messages' },
    );
  }
}

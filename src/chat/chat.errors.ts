import { DomainError } from '../common/errors/domain-error.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { MAX_STORED_MESSAGES } from '../contracts/validation/limits.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';

/** The model behind a chatbot is not there any more. */
export class ChatbotModelGoneError extends DomainError {
  constructor() {
    super('model_not_found', 'The model behind this chatbot is not available any more.', { param: 'model' });
  }
}

/**
 * @param messages those of a request that are to be stored
 * @throws ValidationFailedError when they are too many for one turn
 */
export function refuseTooMany(messages: readonly ChatMessage[]): void {
  if (messages.length <= MAX_STORED_MESSAGES) return;
  const size = { of: 'array', limit: MAX_STORED_MESSAGES, actual: messages.length } as const;
  throw new ValidationFailedError([{ kind: 'too_long', ...size, path: ['messages'], input: messages }], {
    messages,
  });
}

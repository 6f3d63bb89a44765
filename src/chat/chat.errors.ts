import { DomainError } from '../common/errors/domain-error.js';

/** The account has no such conversation, or nobody has; the same words for both. */
export class ConversationNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such conversation.', { param: 'conversation_id' });
  }
}

import { DomainError } from '../common/errors/domain-error.js';

/** The account has no such conversation, or nobody has; the same words for both. */
export class ConversationNotFoundError extends DomainError {
  /** @param param the field of the request that names it; absent: its path does */
  constructor(param?: 'conversation_id') {
    super('not_found', 'There is no such conversation.', { param });
  }
}

/** A part of it was erased, or departed, while it was read. */
export class ConversationChangedError extends DomainError {
  constructor() {
    super('conflict', 'The conversation was changed while it was read, please try again.');
  }
}

export class ItemNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such item in this conversation.');
  }
}

/** The account has no such stored completion, or nobody has; the same words for both. */
export class CompletionNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such stored chat completion.');
  }
}

/** The client knows several conversations by this id, each with another chatbot. */
export class AmbiguousConversationError extends DomainError {
  constructor() {
    super(
      'conflict',
      'Several conversations have this id, each with another chatbot: name the one that is meant by its conv_… id.',
    );
  }
}

export class ConversationsForbiddenError extends DomainError {
  constructor() {
    super(
      'permission_denied',
      'This API key may not read conversations: it was made without `read_conversations`.',
    );
  }
}

/** The account's retention is zero days. */
export class NothingStoredError extends DomainError {
  constructor() {
    super('permission_denied', 'This account stores nothing: its conversations are kept for zero days.');
  }
}

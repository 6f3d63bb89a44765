import { DomainError } from '../common/errors/domain-error.js';

/** No such chatbot, or none of this account. */
export class ChatbotNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such chatbot.');
  }
}

/** The chatbot never had this version, or does not have it any more. */
export class ChatbotVersionNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such version of this chatbot.');
  }
}

/** The chatbot is the account's, but not for this key. */
export class ChatbotNotAllowedError extends DomainError {
  constructor() {
    super('model_not_allowed', 'You are not allowed to use this chatbot.', { param: 'model' });
  }
}

/** Said to those alone who may know of drafts; to others it does not exist. */
export class ChatbotNotPublishedError extends DomainError {
  constructor(id: string) {
    super('model_not_found', `The chatbot \`${id}\` is not published. Publish it, or call \`${id}@draft\`.`, {
      param: 'model',
    });
  }
}

/** Somebody else has changed the chatbot since the caller read it. */
export class ChatbotConflictError extends DomainError {
  /** @param revision that the chatbot has now */
  constructor(revision: number) {
    super('conflict', `The chatbot was changed in the meantime: it is at revision ${revision} now.`, {
      param: 'revision',
    });
  }
}

/** The key may not use the model that it would put behind a chatbot. */
export class ChatbotModelNotAllowedError extends DomainError {
  constructor() {
    super('model_not_allowed', 'You are not allowed to use this model.', { param: 'model' });
  }
}

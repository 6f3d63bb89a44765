import { DomainError } from '../common/errors/domain-error.js';
import type { ChatCompletionRequest, ChatMessage } from '../contracts/openai/chat-completion.js';
import { MAX_STORED_MESSAGES } from '../contracts/validation/limits.js';
import { checkJsonIsAsked } from '../contracts/validation/response-format.js';
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

/**
 * @param request as the model is sent it
 * @throws ValidationFailedError where it is to answer in JSON and nothing says so
 */
export function refuseUnaskedJson({ response_format: format, messages }: ChatCompletionRequest): void {
  checkJsonIsAsked(format, messages, (issue) => {
    // The prompt of a chatbot is no business of the caller's.
    throw new ValidationFailedError([{ ...issue, input: undefined }], {});
  });
}

/**
 * @param messages of a request whose history leaves that of its conversation
 * @param most stored messages that may be left at once
 */
export function departsTooFar(messages: readonly ChatMessage[], most: number): ValidationFailedError {
  const message =
    `Invalid 'messages': they go back behind more than the last ${most} messages of the stored conversation. ` +
    'Send the new messages alone, use another conversation_id, or delete the conversation.';
  const issue = {
    kind: 'conflict',
    message,
    code: 'invalid_value',
    path: ['messages'],
    input: messages,
  } as const;
  return new ValidationFailedError([issue], { messages });
}

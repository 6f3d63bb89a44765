import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { checkToolOrder, instructs, type OpenToolCalls } from '../../contracts/validation/tool-order.js';
import { ValidationFailedError } from '../../contracts/validation/validation.errors.js';
import type { StoredMessage } from '../../conversations/conversation.js';

/**
 * Judges the order of tool results that validation had to let pass, now that what they answer is known.
 *
 * @param stored newest last
 * @param fresh the new messages of the request
 * @throws ValidationFailedError in the words of a request that was sent whole
 */
export function refuseStrayToolResults(
  stored: readonly StoredMessage[],
  fresh: readonly ChatMessage[],
): void {
  if (fresh.find((message) => !instructs(message))?.role !== 'tool') return;
  checkToolOrder(
    fresh,
    ['messages'],
    (issue) => {
      throw new ValidationFailedError([issue], { messages: fresh });
    },
    callsAtTheEndOf(stored),
  );
}

/** The calls of the last answer, and those of them that no stored result answers yet. */
function callsAtTheEndOf(stored: readonly StoredMessage[]): OpenToolCalls {
  const answered = new Set<string>();
  for (const { message } of stored.toReversed()) {
    if (message.role === 'tool') {
      answered.add(message.tool_call_id ?? '');
      continue;
    }
    const called = new Set(message.tool_calls?.map(({ id }) => id));
    return {
      called: called.size === 0 ? undefined : called,
      unanswered: new Set([...called].filter((id) => !answered.has(id))),
    };
  }
  return { called: undefined, unanswered: new Set() };
}

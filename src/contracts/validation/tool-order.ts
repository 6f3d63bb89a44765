import { shortened } from '../../common/shortened.js';
import type { ChatMessage } from '../openai/chat-completion.js';
import type { Path } from './issue.js';
import type { Report } from './rule.js';

/** Call ids are the client's own text; an error message repeats this much of them. */
const MAX_IDS_SHOWN = 10;
const MAX_ID_CHARS_SHOWN = 64;

/** The tool calls that an answer ended with. */
export interface OpenToolCalls {
  readonly called: ReadonlySet<string> | undefined;
  readonly unanswered: ReadonlySet<string>;
}

const NO_CALLS: OpenToolCalls = { called: undefined, unanswered: new Set() };

/**
 * Refuses tool messages that answer nothing and tool calls that nothing answers, in OpenAI's words. Stops at the first.
 *
 * @param earlier what was said before these messages: tool messages at their start may answer its last calls;
 *   `unknown` lets them pass, for whoever asks again when it is known
 * @see api.openai.com, POST /v1/chat/completions, seen 2025-08 ("preceeding" is theirs)
 */
export function checkToolOrder(
  messages: readonly ChatMessage[],
  path: Path,
  report: Report,
  earlier: OpenToolCalls | 'unknown' = NO_CALLS,
): void {
  /** The calls of the last assistant message, and those of them that have no answer yet. */
  let called: ReadonlySet<string> | undefined = earlier === 'unknown' ? undefined : earlier.called;
  let unanswered = new Set(earlier === 'unknown' ? [] : earlier.unanswered);
  let mayAnswerUnknown = earlier === 'unknown';
  let callerIndex = 0;

  const refuse = (index: number, field: string, message: string): void =>
    report({
      kind: 'conflict',
      message,
      code: null,
      param: `messages.[${index}].${field}`,
      path: [...path, index, field],
      input: messages[index]?.[field as 'role'],
    });

  for (const [index, message] of messages.entries()) {
    if (message.role === 'tool') {
      if (mayAnswerUnknown) continue;
      const id = message.tool_call_id ?? '';
      if (called === undefined) {
        return refuse(
          index,
          'role',
          "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.",
        );
      }
      if (!called.has(id)) {
        return refuse(
          index,
          'tool_call_id',
          `Invalid parameter: 'tool_call_id' of '${shortened(id, MAX_ID_CHARS_SHOWN)}' not found in 'tool_calls' of previous message.`,
        );
      }
      unanswered.delete(id);
      continue;
    }
    // Instructions are of their request alone: no part of what the results go on from.
    if (mayAnswerUnknown && instructs(message)) continue;
    mayAnswerUnknown = false;
    if (unanswered.size > 0) return refuse(index, 'role', unansweredMessage(unanswered));
    called = undefined;
    if (message.role === 'assistant' && message.tool_calls) {
      unanswered = new Set(message.tool_calls.map((call) => call.id));
      called = new Set(unanswered);
      callerIndex = index;
    }
  }
  if (unanswered.size > 0) refuse(callerIndex, 'role', unansweredMessage(unanswered));
}

/** Whether a message tells the model how to answer, and is part of no history. */
export function instructs({ role }: ChatMessage): boolean {
  return role === 'system' || role === 'developer';
}

function unansweredMessage(ids: ReadonlySet<string>): string {
  const listed = [...ids]
    .slice(0, MAX_IDS_SHOWN)
    .map((id) => shortened(id, MAX_ID_CHARS_SHOWN))
    .join(', ');
  return (
    "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
    `The following tool_call_ids did not have response messages: ${listed}${ids.size > MAX_IDS_SHOWN ? ', …' : ''}`
  );
}

import { hash } from 'node:crypto';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';

/** The chain of a conversation without messages. */
export const EMPTY_CHAIN = '';

/**
 * The digest of a conversation that goes on with `message`. Two histories have the same chain exactly if they say the
 * same, in whatever form a client sends it: text as a string or as parts, fields that only an answer has or not.
 *
 * @param chain of the conversation before the message
 * @returns base64url, 43 characters
 */
export function nextChain(chain: string, message: ChatMessage): string {
  return hash('sha256', `${chain}\n${canonical(message)}`, 'base64url');
}

function canonical({ role, content, name, tool_calls, tool_call_id, function_call }: ChatMessage): string {
  const said: unknown[] = [role, textOf(content), name ?? null, tool_call_id ?? null];
  for (const call of tool_calls ?? []) {
    if (call.type === 'function') said.push(call.id, call.function.name, call.function.arguments);
    else said.push(call.id, call.custom.name, call.custom.input);
  }
  if (function_call) said.push(function_call.name, function_call.arguments);
  return JSON.stringify(said);
}

/** Text parts are one text; other parts stand as they are. */
function textOf(content: ChatMessage['content']): unknown {
  if (typeof content === 'string') return content;
  if (!content) return '';
  if (content.every((part) => part.type === 'text')) return content.map((part) => part.text).join('');
  return content;
}

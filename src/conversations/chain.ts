import { hash } from 'node:crypto';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { sortKeys } from './canonical-json.js';

/** The chain of a conversation without messages. */
export const EMPTY_CHAIN = '';

/** The chain of a conversation that goes on with some messages; unknown where the one before is. */
export function chainAfter<Chain extends string | undefined>(
  chain: Chain,
  messages: readonly ChatMessage[],
): Chain extends string ? string : string | undefined;
export function chainAfter(chain: string | undefined, messages: readonly ChatMessage[]): string | undefined {
  return chain === undefined ? undefined : messages.map(digestOf).reduce(nextChain, chain);
}

/**
 * The digest of a conversation that goes on with a message. Two histories have the same chain exactly if their messages
 * have the same digests.
 *
 * @param chain of the conversation before the message
 * @param digest of the message
 * @returns base64url, 43 characters
 */
export function nextChain(chain: string, digest: string): string {
  return hash('sha256', `${chain}\n${digest}`, 'base64url');
}

/**
 * The same for two messages exactly if they are one and the same, in whatever form a client library sends again what it
 * was given:
 *
 * - text as a string or as parts, absent, `null` or empty, with or without space around it;
 * - with line ends and composed letters of one kind or another;
 * - arguments of tools as the model wrote them, or parsed and written anew;
 * - with or without what not every library sends back of an answer: refusal, reasoning, annotations, sound, a name.
 *
 * @returns base64url, 43 characters
 */
export function digestOf(message: ChatMessage): string {
  return hash('sha256', canonical(message), 'base64url');
}

function canonical({ role, content, name, tool_calls, tool_call_id, function_call }: ChatMessage): string {
  const said: unknown[] = [role, saidIn(content)];
  if (name !== undefined && role !== 'assistant') said.push({ name });
  if (tool_call_id !== undefined) said.push({ tool_call_id });
  for (const call of tool_calls ?? []) {
    if (call.type === 'function') said.push([call.id, call.function.name, read(call.function.arguments)]);
    else said.push([call.id, call.custom.name, call.custom.input]);
  }
  if (function_call) said.push([function_call.name, read(function_call.arguments)]);
  return JSON.stringify(said);
}

/** The text, or all parts where some are no text. */
function saidIn(content: ChatMessage['content']): unknown {
  if (typeof content === 'string') return plain(content);
  if (!content) return '';
  if (content.some((part) => part.type !== 'text' && part.type !== 'refusal')) return sortKeys(content);
  return plain(content.map((part) => (part.type === 'text' ? part.text : '')).join(''));
}

function plain(text: string): string {
  return text.replace(/\r\n?/g, '\n').normalize('NFC').trim();
}

/** Arguments as a value; as they are where they are no JSON. None is how some models write no arguments. */
function read(json: string): unknown {
  if (json.trim() === '') return {};
  try {
    return sortKeys(JSON.parse(json));
  } catch {
    return json;
  }
}

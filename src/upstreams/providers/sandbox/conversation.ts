import type { ChatMessage, ContentPart } from '../../../contracts/openai/chat-completion.js';
import { findAskedShape, type AskedShape } from './asked-shape.js';

export interface ToolResult {
  readonly name: string;
  readonly text: string;
}

/** What the sandbox notices about a conversation. */
export interface Conversation {
  readonly userTurns: number;
  /** The newest message is a user's, so nobody has answered it yet. */
  readonly endsWithUser: boolean;
  /** Undefined: there is no user message at all. */
  readonly lastUserText: string | undefined;
  readonly previousUserText: string | undefined;
  readonly lastAnswerText: string | undefined;
  readonly instructions: string | undefined;
  /** What the last user message, or else the instructions, want an answer to look like; undefined: prose. */
  readonly askedShape: AskedShape | undefined;
  /** What hangs on the last user message beside its text: `1 image`, `the file report.pdf`. */
  readonly attachments: readonly string[];
  /** Tool messages that stand at the end, waiting to be used; in order. */
  readonly toolResults: readonly ToolResult[];
}

export function readConversation(messages: readonly ChatMessage[]): Conversation {
  const users = messages.filter((message) => message.role === 'user');
  const lastUser = users.at(-1);
  const lastUserText = lastUser && textOf(lastUser);
  const answer = messages.findLast((message) => message.role === 'assistant' && textOf(message) !== '');
  const instructions = messages
    .filter((message) => message.role === 'system' || message.role === 'developer')
    .map(textOf)
    .join('\n');
  return {
    userTurns: users.length,
    endsWithUser: messages.at(-1)?.role === 'user',
    lastUserText,
    previousUserText: users.length > 1 ? textOf(users.at(-2) as ChatMessage) : undefined,
    lastAnswerText: answer && textOf(answer),
    instructions: instructions === '' ? undefined : instructions,
    askedShape: findAskedShape(lastUserText, instructions),
    attachments: lastUser === undefined ? [] : attachmentsOf(partsOf(lastUser)),
    toolResults: trailingToolResults(messages),
  };
}

/** The text of a message, its text parts joined by line breaks. */
export function textOf(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  const texts: string[] = [];
  for (const part of partsOf(message)) if (part.type === 'text') texts.push(part.text);
  return texts.join('\n');
}

export function partsOf(message: ChatMessage): readonly ContentPart[] {
  return Array.isArray(message.content) ? message.content : [];
}

/** A name is not counted as a part of the prompt, so it may be as long as a body. */
const MOST_OF_A_NAME = 200;

function attachmentsOf(parts: readonly ContentPart[]): string[] {
  const attachments: string[] = [];
  let images = 0;
  let clips = 0;
  const files: string[] = [];
  for (const part of parts) {
    if (part.type === 'image_url') images += 1;
    else if (part.type === 'input_audio') clips += 1;
    else if (part.type === 'file')
      files.push(part.file.filename ? `the file ${part.file.filename.slice(0, MOST_OF_A_NAME)}` : 'a file');
  }
  if (images > 0) attachments.push(images === 1 ? '1 image' : `${images} images`);
  if (clips > 0) attachments.push(clips === 1 ? '1 audio clip' : `${clips} audio clips`);
  attachments.push(...files);
  return attachments;
}

function trailingToolResults(messages: readonly ChatMessage[]): ToolResult[] {
  const first =
    messages.findLastIndex((message) => message.role !== 'tool' && message.role !== 'function') + 1;
  const names = new Map<string, string>();
  for (const call of messages[first - 1]?.tool_calls ?? []) {
    names.set(call.id, call.type === 'custom' ? call.custom.name : call.function.name);
  }
  return messages.slice(first).map((message) => ({
    name: message.name ?? names.get(message.tool_call_id ?? '') ?? 'the tool',
    text: textOf(message),
  }));
}

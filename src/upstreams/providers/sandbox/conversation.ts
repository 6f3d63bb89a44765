import type { ChatMessage, ContentPart } from '../../../contracts/openai/chat-completion.js';

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
  /** What hangs on the last user message beside its text: `1 image`, `the file report.pdf`. */
  readonly attachments: readonly string[];
  /** Tool messages that stand at the end, waiting to be used; in order. */
  readonly toolResults: readonly ToolResult[];
}

export function readConversation(messages: readonly ChatMessage[]): Conversation {
  const users = messages.filter((message) => message.role === 'user');
  const lastUser = users.at(-1);
  const answer = messages.findLast((message) => message.role === 'assistant' && textOf(message) !== '');
  const instructions = messages
    .filter((message) => message.role === 'system' || message.role === 'developer')
    .map(textOf)
    .join('\n');
  return {
    userTurns: users.length,
    endsWithUser: messages.at(-1)?.role === 'user',
    lastUserText: lastUser && textOf(lastUser),
    previousUserText: users.length > 1 ? textOf(users.at(-2) as ChatMessage) : undefined,
    lastAnswerText: answer && textOf(answer),
    instructions: instructions === '' ? undefined : instructions,
    attachments: lastUser === undefined ? [] : attachmentsOf(partsOf(lastUser)),
    toolResults: trailingToolResults(messages),
  };
}

/** The text of a message, its text parts joined by line breaks. */
export function textOf(message: ChatMessage): string {
  if (typeof message.content === 'string') return message.content;
  return partsOf(message)
    .map((part) => (part.type === 'text' ? part.text : undefined))
    .filter((text) => text !== undefined)
    .join('\n');
}

export function partsOf(message: ChatMessage): readonly ContentPart[] {
  return Array.isArray(message.content) ? message.content : [];
}

function attachmentsOf(parts: readonly ContentPart[]): string[] {
  const attachments: string[] = [];
  const images = parts.filter((part) => part.type === 'image_url').length;
  if (images > 0) attachments.push(images === 1 ? '1 image' : `${images} images`);
  const clips = parts.filter((part) => part.type === 'input_audio').length;
  if (clips > 0) attachments.push(clips === 1 ? '1 audio clip' : `${clips} audio clips`);
  for (const part of parts) {
    if (part.type === 'file')
      attachments.push(part.file.filename ? `the file ${part.file.filename}` : 'a file');
  }
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

import type { ChatMessage, ContentPart, ToolCall } from '../../../contracts/openai/chat-completion.js';
import { toFilePart, type MediaRules } from './file-part.js';
import type { AssistantPart, Prompt, PromptMessage, ToolPart, UserPart } from './language-model.js';
import { refusal } from './refusal.js';

/**
 * An OpenAI conversation as a prompt of the AI SDK.
 *
 * System and developer messages move to the front in their order: neither vendor takes one in mid-conversation from
 * every model, and it is what Anthropic's own OpenAI endpoint does. Empty texts are left out, which Anthropic refuses.
 * Results of parallel tool calls become one message, as both vendors want them. `name` and `detail` have no equal and
 * are dropped.
 *
 * @throws UpstreamError `upstream_rejected_request` for what the vendor cannot be told
 * @see https://docs.claude.com/en/api/openai-sdk
 */
export function toPrompt(messages: readonly ChatMessage[], rules: MediaRules): Prompt {
  refuseLongArguments(messages);
  const system: Prompt = [];
  const conversation: Prompt = [];
  const toolNames = new Map<string, string>();
  for (const [index, message] of messages.entries()) {
    const path = `messages[${index}]`;
    switch (message.role) {
      case 'system':
      case 'developer': {
        const content = textOf(message, path);
        if (content !== '') system.push({ role: 'system', content });
        break;
      }
      case 'user': {
        const content = userParts(message, path, rules);
        if (content.length > 0) conversation.push({ role: 'user', content });
        break;
      }
      case 'assistant': {
        const content = assistantParts(message, path);
        for (const part of content)
          if (part.type === 'tool-call') toolNames.set(part.toolCallId, part.toolName);
        if (content.length > 0) conversation.push({ role: 'assistant', content });
        break;
      }
      case 'tool':
        addToolResult(conversation, toolResult(message, path, toolNames));
        break;
      case 'function':
        throw refusal('This model does not know function messages. Use tools.', `${path}.role`);
    }
  }
  return [...system, ...conversation];
}

/** True when the model waits for what its tool calls gave. */
export function endsInToolResult(prompt: Prompt): boolean {
  return prompt.at(-1)?.role === 'tool';
}

function userParts(message: ChatMessage, path: string, rules: MediaRules): UserPart[] {
  const parts: UserPart[] = [];
  for (const [index, part] of contentParts(message).entries()) {
    const partPath = `${path}.content[${index}]`;
    if (part.type === 'text') {
      if (part.text !== '') parts.push({ type: 'text', text: part.text });
    } else if (part.type === 'refusal') {
      throw refusal('Only an assistant can refuse.', partPath);
    } else {
      parts.push(toFilePart(part, partPath, rules));
    }
  }
  return parts;
}

function assistantParts(message: ChatMessage, path: string): AssistantPart[] {
  if (message.function_call) {
    throw refusal('This model does not know function calls. Use tools.', `${path}.function_call`);
  }
  const text = textOf(message, path) + (message.refusal ?? '');
  const parts: AssistantPart[] = text === '' ? [] : [{ type: 'text', text }];
  for (const [index, call] of (message.tool_calls ?? []).entries()) {
    parts.push(toolCall(call, `${path}.tool_calls[${index}]`));
  }
  return parts;
}

function toolCall(call: ToolCall, path: string): Extract<AssistantPart, { type: 'tool-call' }> {
  if (call.type !== 'function') throw refusal('This model does not know custom tools.', `${path}.type`);
  const { name, arguments: json } = call.function;
  return { type: 'tool-call', toolCallId: call.id, toolName: name, input: parseArguments(json, path) };
}

/** Of all calls of a conversation: beyond it their values take too long to be read, and no model reads so much. */
const MAX_ARGUMENT_CHARS = 2 * 1024 * 1024;

/** @throws UpstreamError `upstream_rejected_request` */
function refuseLongArguments(messages: readonly ChatMessage[]): void {
  let chars = 0;
  for (const [index, { tool_calls }] of messages.entries()) {
    for (const call of tool_calls ?? [])
      if (call.type === 'function') chars += call.function.arguments.length;
    if (chars <= MAX_ARGUMENT_CHARS) continue;
    throw refusal(
      `The arguments of tool calls are too long for this model: at most ${MAX_ARGUMENT_CHARS} characters in all messages.`,
      `messages[${index}].tool_calls`,
    );
  }
}

/** Both vendors want an object here. */
function parseArguments(json: string, path: string): Record<string, unknown> {
  if (json.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Refused below: the parser's words would repeat the caller's text.
  }
  throw refusal('The arguments of a tool call must be a JSON object.', `${path}.function.arguments`);
}

function toolResult(message: ChatMessage, path: string, toolNames: ReadonlyMap<string, string>): ToolPart {
  const toolCallId = message.tool_call_id ?? '';
  const toolName = toolNames.get(toolCallId);
  if (toolName === undefined) {
    throw refusal('A tool message must answer a preceding tool call.', `${path}.tool_call_id`);
  }
  return {
    type: 'tool-result',
    toolCallId,
    toolName,
    output: { type: 'text', value: textOf(message, path) },
  };
}

function addToolResult(conversation: PromptMessage[], result: ToolPart): void {
  const last = conversation.at(-1);
  if (last?.role === 'tool') last.content.push(result);
  else conversation.push({ role: 'tool', content: [result] });
}

function textOf(message: ChatMessage, path: string): string {
  return contentParts(message)
    .map((part, index) => {
      if (part.type === 'text') return part.text;
      if (part.type === 'refusal') return part.refusal;
      throw refusal(`A message of role ${message.role} holds text only.`, `${path}.content[${index}]`);
    })
    .join('');
}

function contentParts(message: ChatMessage): ContentPart[] {
  const { content } = message;
  if (content === undefined || content === null) return [];
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

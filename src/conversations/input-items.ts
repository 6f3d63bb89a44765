import type { ChatMessage, ContentPart, ToolCall } from '../contracts/openai/chat-completion.js';
import type {
  InputItem,
  InputItemContent,
  InputItemPart,
  InputMessageItem,
} from '../contracts/openai/conversation-item.js';

/**
 * The messages that items are stored as. A call joins the assistant's message before it, as models expect it; one
 * without such a message makes one of its own.
 */
export function toMessages(items: readonly InputItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  for (const item of items) {
    const call = toCall(item);
    if (call === undefined) {
      messages.push(toMessage(item));
      continue;
    }
    const last = messages.at(-1);
    if (last?.role === 'assistant' && takesCalls(last)) last.tool_calls = [...(last.tool_calls ?? []), call];
    else messages.push({ role: 'assistant', content: null, tool_calls: [call] });
  }
  return messages;
}

/** A message that says nothing stays by itself: joined to a call it could not be seen any more. */
function takesCalls({ content, tool_calls }: ChatMessage): boolean {
  return tool_calls !== undefined || (content !== null && content !== undefined && content.length > 0);
}

function toCall(item: InputItem): ToolCall | undefined {
  if (item.type === 'function_call') {
    return { id: item.call_id, type: 'function', function: { name: item.name, arguments: item.arguments } };
  }
  if (item.type === 'custom_tool_call') {
    return { id: item.call_id, type: 'custom', custom: { name: item.name, input: item.input } };
  }
  return undefined;
}

type MessageItem = Exclude<InputItem, { type: 'function_call' | 'custom_tool_call' }>;

function toMessage(item: InputItem): ChatMessage {
  const said = item as MessageItem;
  switch (said.type) {
    case undefined:
      return { ...said };
    case 'message':
      return said.role === 'assistant'
        ? toAnswer(said)
        : { ...spokenBy(said), content: toContent(said.content) };
    default: {
      const content = toContent(said.output);
      return said.call_id === undefined
        ? { role: 'function', name: said.name, content }
        : { role: 'tool', tool_call_id: said.call_id, content };
    }
  }
}

function spokenBy({ role, name }: InputMessageItem): Pick<ChatMessage, 'role' | 'name'> {
  return { role, ...(name !== undefined && { name }) };
}

/** Refusals are a field of an answer, not a part of its content. */
function toAnswer(item: InputMessageItem): ChatMessage {
  const { content } = item;
  if (typeof content === 'string') return { ...spokenBy(item), content };
  const texts = content.filter(({ type }) => type !== 'refusal');
  const refusal = content.flatMap((part) => (part.type === 'refusal' ? [part.refusal] : [])).join('');
  return {
    ...spokenBy(item),
    content: texts.length === 0 ? null : toContent(texts),
    ...(refusal !== '' && { refusal }),
  };
}

/** A single text is stored as a string, as most clients send it again. */
function toContent(content: InputItemContent): string | ContentPart[] {
  if (typeof content === 'string') return content;
  const [only] = content;
  if (content.length === 1 && only !== undefined && 'text' in only) return only.text;
  return content.map(toPart);
}

function toPart(part: InputItemPart): ContentPart {
  switch (part.type) {
    case 'input_image': {
      const { image_url: url, detail } = part;
      return { type: 'image_url', image_url: { url, ...(detail && { detail }) } };
    }
    case 'input_file': {
      const { type: _type, ...file } = part;
      return { type: 'file', file };
    }
    case 'input_audio':
    case 'refusal':
      return part;
    default:
      return { type: 'text', text: part.text };
  }
}

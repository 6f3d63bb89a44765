import { hash } from 'node:crypto';
import type { ChatMessage, ContentPart, ToolCall } from '../contracts/openai/chat-completion.js';
import type {
  ConversationItem,
  FunctionCallOutputItemObject,
  InputTextObject,
  ItemContent,
  MessageItemObject,
} from '../contracts/openai/conversation-item.dto.js';
import type { StoredMessage } from './conversation.js';

type Identified = Pick<StoredMessage, 'id' | 'message'>;

/**
 * What a stored message looks like as items, in order, at least one: what it says, then each call that it makes. Their
 * ids hold as long as the message does, whatever else of it is deleted.
 *
 * @param customCalls ids of the calls of custom tools: a stored output does not say what kind of call it answers
 */
export function toItems({ id, message }: Identified, customCalls: ReadonlySet<string>): ConversationItem[] {
  const { role } = message;
  if (role === 'tool' || role === 'function') return [toOutput(id, message, customCalls)];
  const calls = callsOf(id, message).map(({ item }) => item);
  if (calls.length > 0 && !saysSomething(message)) return calls;
  return [toMessageItem(id, message), ...calls];
}

/** The ids of the custom tools' calls that these messages make. */
export function customCallsOf(messages: Iterable<Identified>): Set<string> {
  const ids = new Set<string>();
  for (const { message } of messages) {
    for (const call of message.tool_calls ?? []) if (call.type === 'custom') ids.add(call.id);
  }
  return ids;
}

const ITEM_ID = /^(?:msg|fc|ctc|fco)_([0-9a-f]{32})(?:_[0-9a-f]{12})?$/;

/** The stored message that an item is, or is part of; `undefined` for what is no id of an item. */
export function messageIdOf(itemId: string): string | undefined {
  const [, random] = ITEM_ID.exec(itemId) ?? [];
  return random === undefined ? undefined : `msg_${random}`;
}

/**
 * What is left of a message without one of its items: `undefined` for nothing. What it says and each of its calls go
 * one by one; outputs of a deleted call are items of their own and stay.
 */
export function withoutItem(stored: Identified, itemId: string): ChatMessage | undefined {
  const { message } = stored;
  const calls = callsOf(stored.id, message);
  const kept = calls.filter(({ item }) => item.id !== itemId);
  if (kept.length === calls.length) {
    // It is what the message says.
    if (calls.length === 0) return undefined;
    const { refusal: _refusal, reasoning_content: _reasoning, audio: _audio, ...rest } = message;
    return { ...rest, content: null };
  }
  if (kept.length === 0 && !saysSomething(message)) return undefined;
  const { tool_calls: _calls, function_call: _call, ...rest } = message;
  const toolCalls = kept.flatMap(({ call }) => call ?? []);
  return {
    ...rest,
    ...(toolCalls.length > 0 && { tool_calls: toolCalls }),
    ...(kept.some(({ call }) => call === undefined) && { function_call: message.function_call ?? null }),
  };
}

interface Call {
  readonly item: ConversationItem;
  /** `undefined`: the deprecated `function_call`. */
  readonly call: ToolCall | undefined;
}

function callsOf(id: string, { tool_calls = [], function_call: legacy }: ChatMessage): Call[] {
  const seen = new Map<string, number>();
  const calls = tool_calls.map((call): Call => {
    const before = seen.get(call.id) ?? 0;
    seen.set(call.id, before + 1);
    // By the call's own id, not its place: that changes when one before it is deleted.
    return { item: toCallItem(id, call, digestOf(before === 0 ? call.id : `${call.id}\n${before}`)), call };
  });
  if (!legacy) return calls;
  const item: ConversationItem = {
    id: `fc_${randomOf(id)}_${digestOf('')}`,
    type: 'function_call',
    status: 'completed',
    call_id: `call_${randomOf(id)}`,
    name: legacy.name,
    arguments: legacy.arguments,
  };
  return [...calls, { item, call: undefined }];
}

function toCallItem(id: string, call: ToolCall, digest: string): ConversationItem {
  const place = `${randomOf(id)}_${digest}`;
  return call.type === 'function'
    ? {
        id: `fc_${place}`,
        type: 'function_call',
        status: 'completed',
        call_id: call.id,
        name: call.function.name,
        arguments: call.function.arguments,
      }
    : {
        id: `ctc_${place}`,
        type: 'custom_tool_call',
        status: 'completed',
        call_id: call.id,
        name: call.custom.name,
        input: call.custom.input,
      };
}

function toOutput(
  id: string,
  { tool_call_id: callId, name, content }: ChatMessage,
  customCalls: ReadonlySet<string>,
): FunctionCallOutputItemObject {
  return {
    id: `fco_${randomOf(id)}`,
    type:
      callId !== undefined && customCalls.has(callId) ? 'custom_tool_call_output' : 'function_call_output',
    status: 'completed',
    ...(callId !== undefined && { call_id: callId }),
    ...(name !== undefined && { name }),
    output: Array.isArray(content) ? content.flatMap(toInputText) : (content ?? ''),
  };
}

function toInputText(part: ContentPart): InputTextObject[] {
  return part.type === 'text' ? [{ type: 'input_text', text: part.text }] : [];
}

function toMessageItem(id: string, { role, name, content, refusal }: ChatMessage): MessageItemObject {
  const answers = role === 'assistant';
  return {
    id,
    type: 'message',
    status: 'completed',
    role: answers ? 'assistant' : 'user',
    content: [...toParts(content, answers), ...(refusal ? [{ type: 'refusal' as const, refusal }] : [])],
    ...(name !== undefined && { name }),
  };
}

function toParts(content: ChatMessage['content'], answers: boolean): ItemContent[] {
  if (content === null || content === undefined) return [];
  if (typeof content === 'string') return [toText(content, answers)];
  return content.map((part): ItemContent => {
    switch (part.type) {
      case 'text':
        return toText(part.text, answers);
      case 'image_url': {
        const { url, detail = 'auto' } = part.image_url;
        return { type: 'input_image', image_url: url, file_id: null, detail };
      }
      case 'file':
        return { type: 'input_file', ...part.file };
      case 'input_audio':
      case 'refusal':
        return part;
    }
  });
}

function toText(text: string, answers: boolean): ItemContent {
  return answers
    ? { type: 'output_text', text, annotations: [], logprobs: [] }
    : { type: 'input_text', text };
}

function saysSomething({ content, refusal }: ChatMessage): boolean {
  return (content?.length ?? 0) > 0 || Boolean(refusal);
}

/** The part of a message's id that nobody can guess. */
function randomOf(messageId: string): string {
  return messageId.slice('msg_'.length);
}

function digestOf(callId: string): string {
  return hash('sha256', callId).slice(0, 12);
}

import type { ChatMessage, ToolCall } from '../../src/contracts/openai/chat-completion.js';
import { messageBytes } from '../../src/contracts/openai/message-texts.js';
import type { StoredMessage } from '../../src/conversations/conversation.js';

export const user = (content: string): ChatMessage => ({ role: 'user', content });
export const says = (content: string): ChatMessage => ({ role: 'assistant', content });
export const calls = (...ids: string[]): ChatMessage => ({
  role: 'assistant',
  content: null,
  tool_calls: ids.map((id): ToolCall => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
});
export const result = (id: string, content = 'done'): ChatMessage => ({
  role: 'tool',
  tool_call_id: id,
  content,
});

/** Turns as the store has them. */
export function stored(turns: readonly (readonly ChatMessage[])[]): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (const [index, turn] of turns.entries()) {
    for (const message of turn) {
      const seq = messages.length + 1;
      messages.push({
        id: `msg_${seq}`,
        seq,
        turn: index + 1,
        message,
        bytes: messageBytes(message),
        requestId: undefined,
        createdAtMs: 0,
      });
    }
  }
  return messages;
}

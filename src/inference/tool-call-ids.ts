import { toolCallId } from '../common/ids/ids.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';

/**
 * Some upstreams name no tool call; a client must, to answer it. Named here, once, so that the client and whoever keeps
 * the answer know the call by the same id. Changes the answer in place.
 */
export function nameToolCalls(answer: ChatAnswer): ChatAnswer {
  for (const { message } of answer.choices) {
    for (const call of message.tool_calls ?? []) if (call.id === '') call.id = toolCallId();
  }
  return answer;
}

/** The same for the chunks of one stream: the first that tells of a call gives it an id. */
export function toolCallNamer(): (chunk: ChatChunk) => ChatChunk {
  const named = new Set<string>();
  return (chunk) => {
    for (const choice of chunk.choices) {
      for (const [position, call] of choice.delta.tool_calls?.entries() ?? []) {
        const key = `${choice.index} ${Number.isInteger(call.index) ? call.index : position}`;
        if (named.has(key)) continue;
        named.add(key);
        call.id ||= toolCallId();
      }
    }
    return chunk;
  };
}

import { jsonInSlices } from '../common/json-in-slices.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import type { ConversationObject } from '../contracts/openai/conversation.dto.js';
import type { StoredMessage } from './conversation.js';

/**
 * A conversation as a JSON text, in pieces: some a message. Each message is what is stored of it, so it can be sent in
 * `messages` of a chat completion or put into another conversation as it is; what we know of it stands beside it.
 */
export async function* exportJson(
  conversation: ConversationObject,
  messages: AsyncIterable<StoredMessage>,
): AsyncGenerator<string> {
  yield `{"object":"conversation.export","conversation":${JSON.stringify(conversation)},"messages":[`;
  let separator = '\n';
  for await (const { id, createdAtMs, turn, requestId = null, message } of messages) {
    const created_at = unixSeconds(createdAtMs);
    let before = separator;
    for await (const piece of jsonInSlices({ id, created_at, turn, request_id: requestId, ...message })) {
      yield before + piece;
      before = '';
    }
    separator = ',\n';
  }
  yield '\n]}\n';
}

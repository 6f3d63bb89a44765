/**
 * What the bench upstream answers, by the name of the model that is asked for. `json` is one whole answer; the others
 * are streams, and their names say how: `sse-<events>-<events a write>-<milliseconds between writes>-<bytes an event>`.
 * No pause means as fast as the socket takes it.
 */

/** A typical event of OpenAI's: about 300 bytes of JSON around one token. */
const TYPICAL_EVENT_BYTES = 320;

export function streamModel({ events, perWrite = 1, pauseMs = 0, eventBytes = TYPICAL_EVENT_BYTES }) {
  return `sse-${events}-${perWrite}-${pauseMs}-${eventBytes}`;
}

/** @returns undefined for the whole answer */
export function parseModel(model) {
  const match = /^sse-(\d+)-(\d+)-(\d+)-(\d+)$/.exec(model);
  if (match === null) return undefined;
  const [events, perWrite, pauseMs, eventBytes] = match.slice(1).map(Number);
  return { events, perWrite, pauseMs, eventBytes };
}

export const JSON_MODEL = 'json';

/** A question of one line. */
export function smallBody(model, stream) {
  return body(model, stream, [{ role: 'user', content: 'What is the capital of France?' }]);
}

/** The same question within a conversation that the gateway remembers, or that it begins for it. */
export function talkBody(model, conversation) {
  return JSON.stringify({ ...JSON.parse(smallBody(model)), conversation_id: conversation });
}

/** A long conversation: 100 messages of 200 characters. */
export function longBody(model) {
  return body(model, false, longMessages());
}

export function longMessages() {
  const content = 'The quick brown fox jumps over the lazy dog, and the dog does not mind. '
    .repeat(3)
    .slice(0, 200);
  return Array.from({ length: 100 }, (_, i) => ({ role: i % 2 ? 'assistant' : 'user', content }));
}

function body(model, stream, messages) {
  return JSON.stringify({ model, messages, max_tokens: 4096, ...(stream && { stream: true }) });
}

import type { ChatMessage } from './chat-completion.js';

/** What one image, sound or file counts for where nobody else counts it: an image at "high" detail, common size. */
export const TOKENS_PER_MEDIA_PART = 765;

/**
 * Adds to `texts` all text that a model reads of a message, in order.
 * @returns how many parts are no text: images, audio, files
 */
export function collectTexts(message: ChatMessage, texts: string[]): number {
  let mediaParts = 0;
  const { content } = message;
  if (typeof content === 'string') texts.push(content);
  else if (content) {
    for (const part of content) {
      if (part.type === 'text') texts.push(part.text);
      else if (part.type === 'refusal') texts.push(part.refusal);
      else mediaParts += 1;
    }
  }
  if (message.refusal) texts.push(message.refusal);
  if (message.reasoning_content) texts.push(message.reasoning_content);
  if (message.name !== undefined) texts.push(message.name);
  if (message.tool_calls !== undefined) texts.push(JSON.stringify(message.tool_calls));
  if (message.function_call) texts.push(JSON.stringify(message.function_call));
  return mediaParts;
}

/** Whether any part of these messages is no text: its tokens are the model's secret. */
export function hasMedia(messages: readonly ChatMessage[]): boolean {
  return messages.some(
    ({ content }) =>
      Array.isArray(content) && content.some(({ type }) => type !== 'text' && type !== 'refusal'),
  );
}

/**
 * A number of tokens that no tokenizer exceeds for the text of a message: each token is at least one byte of it. Media
 * parts count as `TOKENS_PER_MEDIA_PART`.
 */
export function messageBytes(message: ChatMessage): number {
  const texts: string[] = [];
  let bytes = collectTexts(message, texts) * TOKENS_PER_MEDIA_PART;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}

import type { ChatAnswer, ChatChunk } from '../../upstream.port.js';
import { ChatCollector, chatAnswerToChunks } from './chat-convert.js';
import { toChatAnswer } from './chat-response.js';
import { chatChunkParser } from './chat-stream.js';
import type { Endpoint } from './endpoint.js';

export const CHAT_ENDPOINT: Endpoint<ChatAnswer, ChatChunk> = {
  path: '/chat/completions',
  toAnswer: toChatAnswer,
  chunkParser: chatChunkParser,
  toChunks: chatAnswerToChunks,
  collector: () => new ChatCollector(),
};

import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
} from '../../../contracts/openai/chat-completion.js';
import { partsOf, textOf } from './conversation.js';
import { countTokens } from './tokenizer.js';

/** Fixed prices in tokens, so that nothing of an attachment is decoded. */
const TOKENS = {
  message: 4,
  name: 1,
  answerStart: 3,
  image: 765,
  lowDetailImage: 85,
  audioClip: 100,
  file: 250,
};

export interface PromptTokens {
  readonly total: number;
  /** Part of `total`. */
  readonly audio: number;
}

/** What the sandbox counts as a chat's prompt: messages, attachments, tool definitions and the schema asked for. */
export function countPromptTokens(request: ChatCompletionRequest): PromptTokens {
  let total = TOKENS.answerStart;
  for (const definitions of [request.tools, request.functions, request.response_format]) {
    if (definitions !== undefined) total += countTokens(JSON.stringify(definitions));
  }
  let audio = 0;
  for (const message of request.messages) {
    total += countMessage(message);
    audio += partsOf(message).filter((part) => part.type === 'input_audio').length * TOKENS.audioClip;
  }
  return { total, audio };
}

function countMessage(message: ChatMessage): number {
  let tokens = TOKENS.message + countTokens(textOf(message));
  if (message.name !== undefined) tokens += TOKENS.name + countTokens(message.name);
  for (const part of partsOf(message)) tokens += countAttachment(part);
  if (message.tool_calls !== undefined) tokens += countTokens(JSON.stringify(message.tool_calls));
  if (message.function_call) tokens += countTokens(JSON.stringify(message.function_call));
  return tokens;
}

function countAttachment(part: ContentPart): number {
  switch (part.type) {
    case 'image_url':
      return part.image_url.detail === 'low' ? TOKENS.lowDetailImage : TOKENS.image;
    case 'input_audio':
      return TOKENS.audioClip;
    case 'file':
      return TOKENS.file;
    case 'refusal':
      return countTokens(part.refusal);
    case 'text':
      return 0;
  }
}

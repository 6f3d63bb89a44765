import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
} from '../../../contracts/openai/chat-completion.js';
import { jsonPieces } from '../../../common/json-in-slices.js';
import { partsOf } from './conversation.js';
import { countTokens, countTokensInTurns } from './tokenizer.js';
import type { Turns } from './turns.js';

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
export async function countPromptTokens(request: ChatCompletionRequest, turns: Turns): Promise<PromptTokens> {
  const sum = { total: TOKENS.answerStart, audio: 0 };
  for (const definitions of [request.tools, request.functions, request.response_format]) {
    if (definitions !== undefined) sum.total += await countJson(definitions, turns);
  }
  for (const message of request.messages) {
    await countMessage(message, sum, turns);
    await turns.ifDue();
  }
  return sum;
}

async function countMessage(
  message: ChatMessage,
  sum: { total: number; audio: number },
  turns: Turns,
): Promise<void> {
  sum.total += TOKENS.message;
  if (typeof message.content === 'string') sum.total += await countTokensInTurns(message.content, turns);
  if (message.name !== undefined) sum.total += TOKENS.name + (await countTokensInTurns(message.name, turns));
  let texts = 0;
  for (const part of partsOf(message)) {
    if (part.type === 'text') {
      // A line break between two texts.
      if (texts > 0) sum.total += 1;
      texts += 1;
      sum.total += await countTokensInTurns(part.text, turns);
    } else {
      sum.total += countAttachment(part);
      if (part.type === 'input_audio') sum.audio += TOKENS.audioClip;
    }
    if (turns.due) await turns.ifDue();
  }
  for (const calls of [message.tool_calls, message.function_call]) {
    if (calls) sum.total += await countJson(calls, turns);
  }
}

async function countJson(value: unknown, turns: Turns): Promise<number> {
  let tokens = 0;
  for (const piece of jsonPieces(value)) {
    tokens += countTokens(piece);
    if (turns.due) await turns.ifDue();
  }
  return tokens;
}

function countAttachment(part: Exclude<ContentPart, { type: 'text' }>): number {
  switch (part.type) {
    case 'image_url':
      return part.image_url.detail === 'low' ? TOKENS.lowDetailImage : TOKENS.image;
    case 'input_audio':
      return TOKENS.audioClip;
    case 'file':
      return TOKENS.file;
    case 'refusal':
      return countTokens(part.refusal);
  }
}

import { AnswerRecorder } from './answer-recorder.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import type { Transaction } from 'kysely';
import type { Charge } from '../billing/settlement.service.js';
import type { AnswerSink } from '../inference/job.js';
import type { Tables } from '../persistence/tables.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';

/** An answer as it ended, without what the upstream said of its usage. */
export type EndedAnswer = Omit<ChatAnswer, 'usage'>;

/**
 * Hands an answer that ended well to `keep`, in the transaction of its charge: as it was given whole, or put together
 * from its chunks. An answer that broke off is not kept: the conversation stays as it was.
 *
 * @param revert see `AnswerSink`
 * @param mostSoundChars see `AnswerRecorder`
 */
export function persistAnswer(
  keep: (trx: Transaction<Tables>, answer: EndedAnswer, charge: Charge) => Promise<void>,
  revert: (trx: Transaction<Tables>) => Promise<void>,
  { mostSoundChars }: { readonly mostSoundChars: number },
): AnswerSink<ChatAnswer, ChatChunk> {
  const recorder = new AnswerRecorder(mostSoundChars);
  return {
    onChunk: (chunk) => recorder.add(chunk),
    whole: (trx, answer, charge) => keep(trx, answer, charge),
    streamed: async (trx, end) => {
      if ('charge' in end) await keep(trx, recorder.answer(end.openReason), end.charge);
    },
    revert,
  };
}

/** A message of a request as later requests are sent with it: models think anew. */
export function rememberedMessage(message: ChatMessage): ChatMessage {
  if (message.reasoning_content === undefined) return message;
  const { reasoning_content: _thoughts, ...rest } = message;
  return rest;
}

/**
 * The first choice as a message of the history that later requests are sent with, without what only its reader needs:
 * reasoning, annotations, sound but for its words.
 */
export function rememberedAnswer({ choices }: EndedAnswer): ChatMessage[] {
  const message = choices.find(({ index }) => index === 0)?.message;
  if (message === undefined) return [];
  const { content, refusal, tool_calls, function_call, audio } = message;
  return [
    {
      role: 'assistant',
      content: content ?? audio?.transcript ?? '',
      ...(refusal ? { refusal } : {}),
      ...(tool_calls !== undefined && tool_calls.length > 0 ? { tool_calls } : {}),
      ...(function_call === undefined ? {} : { function_call }),
    },
  ];
}

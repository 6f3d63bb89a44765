import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { StoredCompletionRepository } from '../conversations/stored-completion.repository.js';
import { needOfCompletion } from '../conversations/storage-need.js';
import type { AnswerSink } from '../inference/job.js';
import { Sealer } from '../persistence/sealer.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import { renderChatCompletion } from '../surfaces/chat-answer.js';
import { renderUsage } from '../surfaces/usage.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';
import type { ChatTurnContext } from './chat-turn-context.js';
import { persistAnswer, type EndedAnswer } from './persist-answer.js';

/** A longer answer is stored without its logprobs, which are most of it, and longer sound of a stream as its words. */
const MOST_CHARS = 8 * 1024 * 1024;

/** Stores completions that were asked to be stored, to be found again at `/v1/chat/completions/{id}`. */
@Injectable()
export class StoredCompletionWriterService {
  constructor(
    private readonly completions: StoredCompletionRepository,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /** @returns `undefined`: this one is not to be stored */
  needOf({ plan, job }: ChatTurnContext): StorageNeed | undefined {
    if (!plan.storesCompletion) return undefined;
    return needOfCompletion(job.body.messages, job.body.metadata ?? {}, this.sealer.current !== null);
  }

  /** @returns `undefined`: this one is not to be stored */
  sinkOf({ plan, job }: ChatTurnContext): AnswerSink<ChatAnswer, ChatChunk> | undefined {
    if (!plan.storesCompletion) return undefined;
    const { body, context, renderer } = job;
    const { envelope } = renderer;
    const { surface } = context;
    const metadata = body.metadata ?? {};
    const { accountId } = context.principal;
    return persistAnswer(
      async (trx, ended, { usage, bill }) => {
        const charged = renderUsage(usage, bill, surface);
        const render = (given: EndedAnswer): string =>
          JSON.stringify({ ...renderChatCompletion(envelope, given, charged, surface), metadata });
        const answer = render(ended);
        await this.completions.store(trx, {
          id: envelope.id,
          accountId,
          model: body.model,
          metadata,
          answer: answer.length > MOST_CHARS ? render(withoutLogprobs(ended)) : answer,
          requestId: context.requestId,
          // When it is stored: whoever pages through completions meets those that ended meanwhile at the end.
          createdAtMs: this.clock.nowMs(),
          messages: body.messages,
        });
      },
      (trx) => this.completions.takeBack(trx, accountId, envelope.id),
      { mostSoundChars: MOST_CHARS },
    );
  }
}

function withoutLogprobs(answer: EndedAnswer): EndedAnswer {
  return { ...answer, choices: answer.choices.map((choice) => ({ ...choice, logprobs: null })) };
}

import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock/clock.js';
import { StoredCompletionRepository } from '../conversations/stored-completion.repository.js';
import { needOfCompletion } from '../conversations/storage-need.js';
import type { AnswerKeeper } from '../inference/prepared-request.js';
import { Sealer } from '../persistence/sealer.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import { renderChatCompletion } from '../surfaces/chat-answer.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';
import type { AskedTurn } from './asked-turn.js';
import { keepEnded, type EndedAnswer } from './keep-ended.js';

/** A longer answer is stored without its logprobs, which are most of it, and longer sound of a stream as its words. */
const MOST_CHARS = 8 * 1024 * 1024;

/** Stores completions that were asked to be stored, to be found again at `/v1/chat/completions/{id}`. */
@Injectable()
export class CompletionKeeping {
  constructor(
    private readonly completions: StoredCompletionRepository,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /** @returns `undefined`: this one is not to be stored */
  needOf({ plan, body }: AskedTurn): StorageNeed | undefined {
    if (!plan.storesCompletion) return undefined;
    return needOfCompletion(body.messages, body.metadata ?? {}, this.sealer.current !== null);
  }

  /** @returns `undefined`: this one is not to be stored */
  keeperOf({
    plan,
    body,
    caller,
    surface,
    envelope,
  }: AskedTurn): AnswerKeeper<ChatAnswer, ChatChunk> | undefined {
    if (!plan.storesCompletion) return undefined;
    const metadata = body.metadata ?? {};
    const { accountId } = caller.principal;
    return keepEnded(
      async (trx, ended, { usage, bill }) => {
        const render = (given: EndedAnswer): string =>
          JSON.stringify({ ...renderChatCompletion(envelope, given, usage, bill, surface), metadata });
        const answer = render(ended);
        await this.completions.store(trx, {
          id: envelope.id,
          accountId,
          model: body.model,
          metadata,
          answer: answer.length > MOST_CHARS ? render(withoutLogprobs(ended)) : answer,
          requestId: caller.requestId,
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

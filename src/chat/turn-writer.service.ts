import { Injectable } from '@nestjs/common';
import type { ExclusiveUse } from '../billing/hold.service.js';
import { Clock } from '../common/clock/clock.js';
import { digestOf } from '../conversations/chain.js';
import type { ConversationScope } from '../conversations/conversation.js';
import { TurnRepository } from '../conversations/turn.repository.js';
import { ConversationLockService } from '../conversations/conversation-lock.service.js';
import { exclusiveNameOf } from '../conversations/exclusive-name.js';
import { needOfTurn } from '../conversations/storage-need.js';
import type { AnswerSink } from '../inference/job.js';
import { Sealer } from '../persistence/sealer.js';
import type { StorageNeed } from '../quotas/storage-limits.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';
import type { ChatTurnContext } from './chat-turn-context.js';
import type { Recalled } from './recall.service.js';
import { persistAnswer, rememberedAnswer, rememberedMessage } from './persist-answer.js';

/** Stores turns with their charges, one at a time of a conversation. */
@Injectable()
export class TurnWriterService {
  constructor(
    private readonly conversations: TurnRepository,
    private readonly turns: ConversationLockService,
    private readonly sealer: Sealer,
    private readonly clock: Clock,
  ) {}

  /** What a turn adds to its conversation beside the answer. */
  needOf({ fresh, version }: Recalled): StorageNeed {
    return needOfTurn(fresh, version === undefined, this.sealer.current !== null);
  }

  sinkOf(
    { job }: ChatTurnContext,
    scope: ConversationScope,
    recalled: Recalled,
  ): AnswerSink<ChatAnswer, ChatChunk> {
    const { body, context } = job;
    const { conversationId: id, version, fresh, freshDigests, before, departsAfterSeq } = recalled;
    const turn = {
      scope,
      id,
      existed: version !== undefined,
      requestId: context.requestId,
      before,
    };
    return persistAnswer(
      async (trx, answer) => {
        const answers = rememberedAnswer(answer);
        await this.conversations.appendTurn(trx, {
          ...turn,
          model: body.model,
          messages: [...fresh.map(rememberedMessage), ...answers],
          digests: [...freshDigests, ...answers.map(digestOf)],
          atMs: this.clock.nowMs(),
          departsAfterSeq,
        });
      },
      async (trx) => {
        // One that goes on from it has sent it to its model; what follows on it is to be stored.
        if (!(await this.turns.isGoingOn(trx, scope))) await this.conversations.takeBackTurn(trx, turn);
      },
      { mostSoundChars: 0 },
    );
  }

  /**
   * A conversation that begins is held too: its client knows the id as soon as the stream has a head, and may go on.
   * @param found `undefined`: it begins
   */
  exclusive(
    scope: ConversationScope,
    found: Pick<Recalled, 'conversationId' | 'version'> | undefined,
  ): ExclusiveUse {
    return {
      name: exclusiveNameOf(scope),
      stillAsFound:
        found &&
        (async (trx) => {
          const now = await this.conversations.stateOf(scope, trx);
          return now?.version === found.version && (now === undefined || now.id === found.conversationId);
        }),
    };
  }
}

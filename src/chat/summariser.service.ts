import { Injectable, Logger } from '@nestjs/common';
import { ExclusiveUseError } from '../billing/billing.errors.js';
import type { ExclusiveUse } from '../billing/hold.service.js';
import { Clock } from '../common/clock/clock.js';
import { DomainError } from '../common/errors/domain-error.js';
import { newRequestId } from '../common/ids/ids.js';
import type { StoredMessage, Summary } from '../conversations/conversation.js';
import { TurnRepository } from '../conversations/turn.repository.js';
import { chatEndpoint } from '../inference/chat.endpoint.js';
import { InferenceService } from '../inference/inference.service.js';
import type { RequestContext } from '../inference/request-context.js';
import { CatalogueService } from '../models/catalogue.service.js';
import { isStorageUnavailable } from '../persistence/storage-unavailable.js';
import { promptBudget } from './memory/prompt-budget.js';
import { summaryRequest } from './memory/summary-request.js';
import type { EndedAnswer } from './persist-answer.js';

/** What is to be folded into a conversation's summary, and for which request. */
export interface SummaryTask {
  readonly conversationId: string;
  /** Of the conversation as it was read. */
  readonly version: number;
  readonly earlier: Summary | undefined;
  /** At least one, oldest first. */
  readonly messages: readonly StoredMessage[];
  readonly model: string;
  readonly maxTokens: number;
  /** Whether the model is known to reason. */
  readonly reasons: boolean;
  /** Of the request that it is made for. */
  readonly context: RequestContext;
  /** Whose it is while the summary is made: of two at once, one would be paid for nothing. */
  readonly exclusive: ExclusiveUse | undefined;
}

/** What became of it. */
export interface SummaryAttempt {
  /** The request that it was; it has a story, whether it succeeded or not. */
  readonly requestId: string;
  /** `undefined`: none could be made, and the log says why; the conversation goes on without. */
  readonly summary: Summary | undefined;
}

/** After a failure, the turns of a conversation go on without a summary for so long: each would wait for the next one. */
const PAUSE_MS = 60_000;

/** Conversations whose failures are remembered. */
const MOST_PAUSED = 10_000;

/** Has a model write the running summary of a conversation: a request of its own, with its own hold and charge. */
@Injectable()
export class SummariserService {
  private readonly logger = new Logger('Summariser');
  /** Monotonic milliseconds until which no summary is tried, by conversation, oldest failure first. */
  private readonly pausedUntilMs = new Map<string, number>();

  constructor(
    private readonly inference: InferenceService,
    private readonly conversations: TurnRepository,
    private readonly catalogue: CatalogueService,
    private readonly clock: Clock,
  ) {}

  /**
   * The summary is stored with its charge. A client that leaves meanwhile does not stop it: what is paid for is kept.
   *
   * @returns `undefined`: not tried, soon after a failure
   * @throws ExclusiveUseError when another request goes on with the conversation, or has changed it; DomainError
   *   `storage_unavailable`
   */
  async summarise(task: SummaryTask): Promise<SummaryAttempt | undefined> {
    if (this.isPaused(task.conversationId)) return undefined;
    const requestId = newRequestId(this.clock.nowMs());
    return { requestId, summary: await this.write(task, requestId) };
  }

  private async write(task: SummaryTask, requestId: string): Promise<Summary | undefined> {
    const { conversationId, version, earlier, messages, context, model, maxTokens } = task;
    const last = messages.at(-1);
    if (last === undefined) return undefined;
    const summaryOf = (answer: EndedAnswer): Summary => ({
      text: answer.choices[0]?.message.content?.trim() ?? '',
      throughSeq: last.seq,
      messages: (earlier?.messages ?? 0) + messages.length,
    });
    try {
      const { answer, charge } = await this.inference.complete(
        {
          context: { ...context, requestId, clientRequestId: undefined },
          endpoint: chatEndpoint,
          streamed: false,
          body: summaryRequest({
            model,
            previous: earlier?.text,
            messages: messages.map(({ message }) => message),
            promptTokens: promptBudget({
              contextLength: this.catalogue.find(model)?.contextLength,
              maxTokens,
              policyMaxTokens: undefined,
            })?.tokens,
            maxTokens,
            reasons: task.reasons,
          }),
          sinks: [
            {
              whole: async (trx, given, { paidFraction }) => {
                const summary = summaryOf(given);
                // One that was cut for want of credit tells a part, and would stand for all.
                if (summary.text !== '' && paidFraction === 1)
                  await this.conversations.setSummary(trx, conversationId, summary, version);
              },
            },
          ],
          exclusive: task.exclusive,
          provenance: { summary_for: context.requestId },
          options: { modelPermitted: true },
        },
        STAYS,
      );
      const summary = summaryOf(answer);
      if (summary.text !== '' && charge.paidFraction === 1) return summary;
      this.pause(conversationId);
      return undefined;
    } catch (error) {
      // The conversation may still be held for it: the turn would only be told that it is busy.
      if (error instanceof ExclusiveUseError || isStorageUnavailable(error)) throw error;
      this.pause(conversationId);
      // Not its message: an upstream's may quote what was said.
      const reason = error instanceof DomainError ? error.code : nameOf(error);
      this.logger.warn(`no summary for ${context.requestId}, its oldest turns are left out: ${reason}`);
      return undefined;
    }
  }

  private isPaused(conversationId: string): boolean {
    return (this.pausedUntilMs.get(conversationId) ?? 0) > this.clock.monotonicMs();
  }

  private pause(conversationId: string): void {
    this.pausedUntilMs.delete(conversationId);
    this.pausedUntilMs.set(conversationId, this.clock.monotonicMs() + PAUSE_MS);
    if (this.pausedUntilMs.size <= MOST_PAUSED) return;
    const [oldest] = this.pausedUntilMs.keys();
    if (oldest !== undefined) this.pausedUntilMs.delete(oldest);
  }
}

const STAYS = new AbortController().signal;

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import { BudgetCheckService } from '../billing/budget-check.service.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { AnswerWriterService } from '../http/answer-writer.service.js';
import { clientSignal } from '../http/client-signal.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { KeptAnswer, type AttachedAnswer } from '../idempotency/earlier-answer.js';
import { Execution } from '../idempotency/execution.js';
import { fingerprintOf, idempotencyKeyOf } from '../idempotency/idempotency-key.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { needBoth, NOTHING_NEEDED } from '../quotas/storage-limits.js';
import { FlowGate } from '../streaming/flow-gate.js';
import { InferenceService, type PaidAnswer } from './inference.service.js';
import type { AnswerSink, Job } from './job.js';
import { ReservationService } from './reservation.service.js';

/**
 * From a valid request to bytes on the wire, for any endpoint: the only place where inference meets a response.
 *
 * With an `Idempotency-Key` the answer is carried to its end whoever leaves, kept, and given again to whoever asks the
 * same with the same key.
 */
@Injectable()
export class ResponderService {
  constructor(
    private readonly inference: InferenceService,
    private readonly idempotency: IdempotencyService,
    private readonly reservations: ReservationService,
    private readonly budgets: BudgetCheckService,
    private readonly writer: AnswerWriterService,
  ) {}

  /**
   * @throws whatever `prepare` and `InferenceService` do before the first byte, IdempotencyConflictError,
   *   AnswerErasedError; nothing has been sent then
   */
  respond<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    request: TollgateRequest,
    response: Response,
  ): Promise<void> {
    return job.streamed
      ? this.respondStream(job, request, response)
      : this.respondJson(job, request, response);
  }

  private async respondJson<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    request: TollgateRequest,
    response: Response,
  ): Promise<void> {
    const { renderer } = job;
    const { conversationId } = renderer.envelope;
    const first = await this.firstExecution(job, request);
    if (first === undefined) {
      const signal = clientSignal(response);
      const done = await this.inference.complete(job.prepare ? await job.prepare(signal) : job, signal);
      await this.orRefund(done, () =>
        this.writer.json(request, response, conversationId, wholeText(renderer, done)),
      );
    } else if (first instanceof Execution) {
      const bytes = await this.executeWhole(job, first);
      this.writer.jsonBytes(request, response, conversationId, bytes);
    } else if (first instanceof KeptAnswer) {
      await this.sendKept(request, response, first, 'json');
    } else {
      const bytes = await first.whole();
      response.setHeader('idempotent-replayed', 'true');
      this.writer.jsonBytes(request, response, first.conversationId, bytes);
    }
  }

  private async respondStream<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    request: TollgateRequest,
    response: Response,
  ): Promise<void> {
    const { renderer } = job;
    const flow = new FlowGate();
    const write = (frames: Observable<string>, conversationId: string | undefined): Promise<unknown> =>
      this.writer.stream(request, response, conversationId, frames, flow, (error) => renderer.failure(error));
    const first = await this.firstExecution(job, request);
    if (first === undefined) {
      const ready = job.prepare ? await job.prepare(clientSignal(response)) : job;
      // Nobody will listen, so it is not carried out.
      if (response.destroyed) return ready.release?.();
      await write(this.inference.stream(ready, flow), renderer.envelope.conversationId);
    } else if (first instanceof Execution) {
      await this.executeStreamed(job, flow, first);
      await write(first.frames(flow), renderer.envelope.conversationId);
    } else if (first instanceof KeptAnswer) {
      await this.sendKept(request, response, first, 'events');
    } else {
      response.setHeader('idempotent-replayed', 'true');
      await write(first.frames(flow), first.conversationId);
    }
  }

  /** @returns `undefined` for a request without an idempotency key, or of an account that stores nothing */
  private async firstExecution<Body extends { model: string }, Answer, Chunk>(
    { context, endpoint, body, renderer }: Job<Body, Answer, Chunk>,
    request: TollgateRequest,
  ): Promise<Execution | AttachedAnswer | KeptAnswer | undefined> {
    const idempotencyKey = idempotencyKeyOf(request.headersDistinct['idempotency-key']);
    if (idempotencyKey === undefined) return undefined;
    const { principal, requestId, surface } = context;
    const { accountId } = principal;
    if (principal.conversationRetentionDays === 0) return undefined;
    // A chatbot was found for this key already, which its list of models does not bound.
    if (!isChatbotId(body.model)) this.reservations.refuseForbiddenModel(body.model, principal);
    const fingerprint = fingerprintOf(surface.name, endpoint.name, body);
    return this.idempotency.begin(
      { accountId, idempotencyKey, fingerprint, requestId },
      renderer.envelope.conversationId,
      (firstRequestId) => this.budgets.allowsAnswerTo(firstRequestId, principal),
    );
  }

  private async executeWhole<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    execution: Execution,
  ): Promise<Buffer> {
    const { renderer } = job;
    try {
      const kept = withSink<Body, Answer, Chunk>(await prepared(job, NEVER), {
        whole: (trx, answer, { usage, bill }) => execution.keep(trx, renderer.whole(answer, usage, bill)),
      });
      const done = await this.inference.complete(kept, NEVER);
      const bytes = await this.orRefund(done, () => Buffer.from(wholeText(renderer, done)));
      execution.completeWith(bytes);
      return bytes;
    } catch (error) {
      execution.fail(error);
      throw error;
    }
  }

  /** What an answer was charged that cannot be handed over is given back. */
  private async orRefund<Result>({ refund }: PaidAnswer<unknown>, handOver: () => Result): Promise<Result> {
    try {
      return handOver();
    } catch (error) {
      await refund();
      throw error;
    }
  }

  /** Runs by itself: the client that asked first is one listener among those that may come. */
  private async executeStreamed<Body extends { model: string }, Answer, Chunk>(
    job: Job<Body, Answer, Chunk>,
    flow: FlowGate,
    execution: Execution,
  ): Promise<void> {
    const { renderer } = job;
    let begun = false;
    let ready: Job<Body, Answer, Chunk>;
    try {
      ready = await prepared(job, NEVER);
    } catch (error) {
      return execution.fail(error);
    }
    const kept = withSink(ready, {
      streamed: (trx, end) =>
        execution.keep(
          trx,
          'charge' in end
            ? renderer.end(end.charge.usage, end.charge.bill, end.openReason)
            : renderer.failure(end.error),
        ),
    });
    this.inference.stream({ ...kept, left: execution.abandoned }, flow).subscribe({
      next: (frame) => {
        begun ||= frame !== '';
        execution.say(frame);
      },
      error: (error: unknown) => {
        if (!begun) return execution.fail(error);
        execution.say(renderer.failure(error));
        return execution.complete();
      },
      complete: () => execution.complete(),
    });
  }

  private async sendKept(
    request: TollgateRequest,
    response: Response,
    kept: KeptAnswer,
    kind: 'json' | 'events',
  ): Promise<void> {
    const { conversationId, bytes } = kept;
    try {
      response.setHeader('idempotent-replayed', 'true');
      await this.writer.again(request, response, conversationId, bytes, kind);
    } finally {
      kept.release();
    }
  }
}

/** A client that asks with an idempotency key may leave: its retry wants the answer. */
const NEVER = new AbortController().signal;

async function prepared<Body extends { model: string }, Answer, Chunk>(
  job: Job<Body, Answer, Chunk>,
  signal: AbortSignal,
): Promise<Job<Body, Answer, Chunk>> {
  return job.prepare ? job.prepare(signal) : job;
}

/** A request whose answer is kept for those who repeat it: an account without room for it gets none. */
function withSink<Body extends { model: string }, Answer, Chunk>(
  job: Job<Body, Answer, Chunk>,
  sink: AnswerSink<Answer, Chunk>,
): Job<Body, Answer, Chunk> {
  const storage = needBoth(job.storage, { ...NOTHING_NEEDED, keepsAnswer: true });
  return { ...job, sinks: [...(job.sinks ?? []), sink], storage };
}

function wholeText<Answer>(
  renderer: Job<{ model: string }, Answer, never>['renderer'],
  { answer, charge }: PaidAnswer<Answer>,
): string {
  return renderer.whole(answer, charge.usage, charge.bill);
}

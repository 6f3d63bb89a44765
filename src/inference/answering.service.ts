import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { map, type Observable } from 'rxjs';
import { BudgetCheckService } from '../billing/budget-check.service.js';
import { usageOf } from '../billing/reported-usage.js';
import { ProcessRegistry } from '../billing/process-registry.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { AnswerWriterService } from '../http/answer-writer.service.js';
import { clientSignal } from '../http/client-signal.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { fingerprintOf, idempotencyKeyOf } from '../idempotency/idempotency-key.js';
import { KeptAnswer, type AttachedAnswer } from '../idempotency/earlier-answer.js';
import { Execution } from '../idempotency/execution.js';
import { IdempotencyService } from '../idempotency/idempotency.service.js';
import { needBoth, NOTHING_NEEDED } from '../quotas/storage-limits.js';
import { FlowGate } from '../streaming/flow-gate.js';
import type { Envelope } from '../surfaces/envelope.js';
import type { StreamRenderer } from '../surfaces/stream-renderer.js';
import type { Surface } from '../surfaces/surface.js';
import { AdmissionService } from './admission.js';
import { answerText, type AnswerText } from './answer-text.js';
import { callerOf } from './caller-of.js';
import type { Caller } from './caller.js';
import { Settled } from './settled.js';
import type { Endpoint } from './endpoint.js';
import { InferenceService, type SettledAnswer } from './inference.service.js';
import { keepBoth, type AnswerKeeper, type PreparedRequest } from './prepared-request.js';

/** A valid request, and how it is made ready once it is sure that it will be carried out. */
export interface Question<Body extends { model: string }, Answer, Chunk> {
  readonly endpoint: Endpoint<Body, Answer, Chunk>;
  /** As it was asked: what an idempotency key stands for. */
  readonly body: Body;
  readonly envelope: Envelope;
  /**
   * Absent: it is carried out as it was asked.
   * @param signal aborts when the client leaves
   */
  readonly prepare?: ((signal: AbortSignal) => Promise<PreparedRequest<Body, Answer, Chunk>>) | undefined;
}

/** From a valid request to bytes on the wire, for any endpoint: the only place where inference meets a response. */
@Injectable()
export class AnsweringService {
  constructor(
    private readonly inference: InferenceService,
    private readonly idempotency: IdempotencyService,
    private readonly processes: ProcessRegistry,
    private readonly admissions: AdmissionService,
    private readonly budgets: BudgetCheckService,
    private readonly writer: AnswerWriterService,
  ) {}

  /**
   * With an `Idempotency-Key` the answer is carried to its end whoever leaves, kept, and given again to whoever asks
   * the same with the same key.
   *
   * @throws whatever `prepare` and `InferenceService.complete` do, IdempotencyConflictError, AnswerErasedError; nothing has been sent then
   */
  async whole<Body extends { model: string }, Answer, Chunk>(
    question: Question<Body, Answer, Chunk>,
    request: TollgateRequest,
    response: Response,
    render: Render<Answer>,
  ): Promise<void> {
    const caller = callerOf(request);
    const { envelope } = question;
    const first = await this.firstExecution(question, request);
    if (first === undefined) {
      const signal = clientSignal(response);
      const prepared = question.prepare ? await question.prepare(signal) : asAsked(question);
      const words = new WholeWords(render, request.surface);
      const done = await this.inference.complete({ ...prepared, ready: words.prepare }, caller, signal);
      return this.orGiveBack(done, () =>
        this.writer.json(request, response, envelope, words.say(done.answer, done.settled)),
      );
    }
    if (first instanceof KeptAnswer) return this.sendKept(envelope, request, response, first, 'json');
    if (!(first instanceof Execution)) {
      const bytes = await first.whole();
      response.setHeader('idempotent-replayed', 'true');
      const { conversationId } = first;
      return this.writer.jsonBytes(request, response, { ...envelope, conversationId }, bytes);
    }
    const words = new WholeWords(render, request.surface);
    const bytes = await this.executeWhole(question, caller, first, words);
    return this.writer.jsonBytes(request, response, envelope, bytes);
  }

  /**
   * @throws whatever `prepare` does and `InferenceService.stream` errors with before its first chunk; nothing has been
   *   sent then
   */
  async streamed<Body extends { model: string }, Answer, Chunk>(
    question: Question<Body, Answer, Chunk>,
    request: TollgateRequest,
    response: Response,
    renderer: StreamRenderer<Chunk>,
  ): Promise<void> {
    const caller = callerOf(request);
    const flow = new FlowGate();
    const first = await this.firstExecution(question, request);
    if (first === undefined) {
      const prepared = question.prepare ? await question.prepare(clientSignal(response)) : asAsked(question);
      // Nobody will listen, so it is not carried out.
      if (response.destroyed) return prepared.release?.();
      const frames = this.inference
        .stream(prepared, caller, flow, renderer)
        .pipe(map((event) => frameOf(event, renderer)));
      await this.writeFrames(question.envelope, request, response, renderer, frames, flow);
    } else if (first instanceof Execution) {
      await this.executeStreamed(question, caller, flow, first, renderer);
      await this.writeFrames(question.envelope, request, response, renderer, first.frames(flow), flow);
    } else if (first instanceof KeptAnswer) {
      await this.sendKept(question.envelope, request, response, first, 'events');
    } else {
      response.setHeader('idempotent-replayed', 'true');
      const envelope = { ...question.envelope, conversationId: first.conversationId };
      await this.writeFrames(envelope, request, response, renderer, first.frames(flow), flow);
    }
  }

  private async writeFrames<Chunk>(
    envelope: Envelope,
    request: TollgateRequest,
    response: Response,
    renderer: StreamRenderer<Chunk>,
    frames: Observable<string>,
    flow: FlowGate,
  ): Promise<void> {
    await this.writer.stream(request, response, envelope, frames, flow, (error) => renderer.failure(error));
  }

  /** @returns `undefined` for a request without an idempotency key, or of an account that stores nothing */
  private async firstExecution<Body extends { model: string }, Answer, Chunk>(
    { endpoint, body, envelope }: Question<Body, Answer, Chunk>,
    request: TollgateRequest,
  ): Promise<Execution | AttachedAnswer | KeptAnswer | undefined> {
    const idempotencyKey = idempotencyKeyOf(request.headersDistinct['idempotency-key']);
    if (idempotencyKey === undefined) return undefined;
    const { principal, requestId, surface } = callerOf(request);
    if (principal.conversationRetentionDays === 0) return undefined;
    // A chatbot was found for this key already, which its list of models does not bound.
    if (!isChatbotId(body.model)) this.admissions.refuseForbiddenModel(body.model, principal);
    return this.idempotency.begin(
      {
        accountId: principal.accountId,
        idempotencyKey,
        fingerprint: fingerprintOf(surface, endpoint.name, body),
        requestId,
      },
      envelope.conversationId,
      {
        living: () => this.processes.living(),
        permits: (firstRequestId) => this.budgets.allowsAnswerTo(firstRequestId, principal),
      },
    );
  }

  private async executeWhole<Body extends { model: string }, Answer, Chunk>(
    question: Question<Body, Answer, Chunk>,
    caller: Caller,
    execution: Execution,
    words: WholeWords<Answer>,
  ): Promise<Buffer> {
    try {
      const prepared = await carriedOut(question);
      const keeper = keepBoth(prepared.keeper, {
        ...NOTHING_KEPT,
        whole: (trx, given, charged) => execution.keep(trx, words.say(given, charged)),
      });
      const asked = { ...withKeeper<Body, Answer, Chunk>(prepared, keeper), ready: words.prepare };
      const done = await this.inference.complete(asked, caller, NEVER);
      const bytes = await this.orGiveBack(done, () => Buffer.from(words.say(done.answer, done.settled)));
      execution.completeWith(bytes);
      return bytes;
    } catch (error) {
      execution.fail(error);
      throw error;
    }
  }

  /** What an answer was charged that cannot be handed over is given back. */
  private async orGiveBack<Result>(
    { giveBack }: SettledAnswer<unknown>,
    handOver: () => Result,
  ): Promise<Result> {
    try {
      return handOver();
    } catch (error) {
      await giveBack();
      throw error;
    }
  }

  /** Runs by itself: the client that asked first is one listener among those that may come. */
  private async executeStreamed<Body extends { model: string }, Answer, Chunk>(
    question: Question<Body, Answer, Chunk>,
    caller: Caller,
    flow: FlowGate,
    execution: Execution,
    renderer: StreamRenderer<Chunk>,
  ): Promise<void> {
    let begun = false;
    let prepared: PreparedRequest<Body, Answer, Chunk>;
    try {
      prepared = await carriedOut(question);
    } catch (error) {
      return execution.fail(error);
    }
    const keeper = keepBoth(prepared.keeper, {
      ...NOTHING_KEPT,
      streamed: (trx, end) =>
        execution.keep(trx, 'settled' in end ? frameOf(end.settled, renderer) : renderer.failure(end.error)),
    });
    const asked = { ...withKeeper<Body, Answer, Chunk>(prepared, keeper), left: execution.abandoned };
    this.inference.stream(asked, caller, flow, renderer).subscribe({
      next: (event) => {
        const frame = frameOf(event, renderer);
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
    envelope: Envelope,
    request: TollgateRequest,
    response: Response,
    kept: KeptAnswer,
    kind: 'json' | 'events',
  ): Promise<void> {
    const { conversationId, bytes } = kept;
    try {
      response.setHeader('idempotent-replayed', 'true');
      await this.writer.again(request, response, { ...envelope, conversationId }, bytes, kind);
    } finally {
      kept.release();
    }
  }
}

/** A client that asks with an idempotency key may leave: its retry wants the answer. */
const NEVER = new AbortController().signal;

const NOTHING_KEPT: AnswerKeeper<unknown, unknown> = {
  whole: () => Promise.resolve(),
  streamed: () => Promise.resolve(),
};

function asAsked<Body extends { model: string }, Answer, Chunk>({
  endpoint,
  body,
}: Question<Body, Answer, Chunk>): PreparedRequest<Body, Answer, Chunk> {
  return { endpoint, request: body };
}

/** Made ready for an execution that goes on when its client leaves. */
async function carriedOut<Body extends { model: string }, Answer, Chunk>(
  question: Question<Body, Answer, Chunk>,
): Promise<PreparedRequest<Body, Answer, Chunk>> {
  return question.prepare ? question.prepare(NEVER) : asAsked(question);
}

/** A request whose answer is kept for those who repeat it: an account without room for it gets none. */
function withKeeper<Body extends { model: string }, Answer, Chunk>(
  prepared: PreparedRequest<Body, Answer, Chunk>,
  keeper: AnswerKeeper<Answer, Chunk>,
): PreparedRequest<Body, Answer, Chunk> {
  const storage = needBoth(prepared.storage, { ...NOTHING_NEEDED, keepsAnswer: true });
  return { ...prepared, keeper, storage };
}

function frameOf<Chunk>(event: string | Settled, renderer: StreamRenderer<Chunk>): string {
  return event instanceof Settled ? renderer.end(event.usage, event.bill, event.openFinishReason) : event;
}

/** A whole answer as the dialect says it; of what was settled it says usage and price, and nothing else. */
export type Render<Answer> = (answer: Answer, settled: Settled) => Record<string, unknown>;

/** Stands in for what is known after the charge. */
const UNKNOWN = new Settled(usageOf(0, 0), { model: '', costNanoUsd: 0n, creditHundredths: 0n }, 'stop', 1);

/** Puts a whole answer into words before it is charged, so that nothing is left to fail after that. */
class WholeWords<Answer> {
  private prepared: AnswerText | undefined;

  constructor(
    private readonly render: Render<Answer>,
    private readonly surface: Surface,
  ) {}

  /** @throws AnswerTooLargeError */
  readonly prepare = (answer: Answer): void => {
    this.prepared = answerText(this.render(answer, UNKNOWN));
  };

  say(answer: Answer, settled: Settled): string {
    // Where not all of it could be paid, it is a shorter one.
    const text =
      settled.paidShare === 1 && this.prepared !== undefined
        ? this.prepared
        : answerText(this.render(answer, settled));
    return text.with(settled.usage, settled.bill, this.surface);
  }
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { firstValueFrom, map, type Observable } from 'rxjs';
import { ProcessRegistry } from '../billing/process-registry.js';
import { AnswerWriter } from '../http/answer-writer.js';
import { clientSignal } from '../http/client-signal.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { fingerprintOf, idempotencyKeyOf } from '../idempotency/idempotency-key.js';
import { Execution, IdempotencyService, type EarlierAnswer } from '../idempotency/idempotency.service.js';
import { FlowGate } from '../streaming/flow-gate.js';
import type { Envelope } from '../surfaces/envelope.js';
import type { StreamRenderer } from '../surfaces/stream-renderer.js';
import { callerOf } from './caller-of.js';
import type { Caller } from './caller.js';
import { Settled } from './settled.js';
import type { Endpoint } from './endpoint.js';
import { InferenceService } from './inference.service.js';
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
    private readonly writer: AnswerWriter,
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
    render: (answer: Answer, settled: Settled) => unknown,
  ): Promise<void> {
    const caller = callerOf(request);
    const { envelope } = question;
    const first = await this.firstExecution(question, request);
    if (first === undefined) {
      const signal = clientSignal(response);
      const prepared = question.prepare ? await question.prepare(signal) : asAsked(question);
      const { answer, settled } = await this.inference.complete(prepared, caller, signal);
      return this.writer.json(request, response, envelope, render(answer, settled));
    }
    if (!(first instanceof Execution)) return this.replayWhole(request, response, envelope, first);
    const text = await this.executeWhole(question, caller, first, render);
    return this.writer.jsonText(request, response, envelope, text);
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
    let frames: Observable<string>;
    let shown = question.envelope;
    if (first === undefined) {
      const prepared = question.prepare ? await question.prepare(clientSignal(response)) : asAsked(question);
      // Nobody will listen, so it is not carried out.
      if (response.destroyed) return prepared.release?.();
      frames = this.inference.stream(prepared, caller, flow).pipe(map((event) => frameOf(event, renderer)));
    } else {
      if (first instanceof Execution) await this.executeStreamed(question, caller, flow, first, renderer);
      else response.setHeader('idempotent-replayed', 'true');
      frames = first.pieces;
      shown = {
        ...question.envelope,
        // Asked when it is sent: an execution may find that it was carried out before.
        get conversationId() {
          return first.conversationId;
        },
      };
    }
    await this.writer.stream(request, response, shown, frames, flow, (error) => renderer.failure(error));
  }

  /** @returns `undefined` for a request without an idempotency key, or of an account that stores nothing */
  private async firstExecution<Body extends { model: string }, Answer, Chunk>(
    { endpoint, body, envelope }: Question<Body, Answer, Chunk>,
    request: TollgateRequest,
  ): Promise<Execution | EarlierAnswer | undefined> {
    const idempotencyKey = idempotencyKeyOf(request.headersDistinct['idempotency-key']);
    if (idempotencyKey === undefined) return undefined;
    const { principal, requestId, surface } = callerOf(request);
    if (principal.conversationRetentionDays === 0) return undefined;
    return this.idempotency.begin(
      {
        accountId: principal.accountId,
        idempotencyKey,
        fingerprint: fingerprintOf(surface, endpoint.name, body),
        requestId,
      },
      envelope.conversationId,
      () => this.processes.living(),
    );
  }

  private async executeWhole<Body extends { model: string }, Answer, Chunk>(
    question: Question<Body, Answer, Chunk>,
    caller: Caller,
    execution: Execution,
    render: (answer: Answer, settled: Settled) => unknown,
  ): Promise<string> {
    const toText = (answer: Answer, settled: Settled): string => JSON.stringify(render(answer, settled));
    try {
      const prepared = await carriedOut(question);
      const keeper = keepBoth(prepared.keeper, {
        ...NOTHING_KEPT,
        whole: (trx, given, charged) => execution.keep(trx, toText(given, charged)),
      });
      const { answer, settled } = await this.inference.complete({ ...prepared, keeper }, caller, NEVER);
      const text = toText(answer, settled);
      execution.say(text);
      execution.complete();
      return text;
    } catch (error) {
      execution.fail(error);
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
    this.inference.stream({ ...prepared, keeper }, caller, flow).subscribe({
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

  private async replayWhole(
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    earlier: EarlierAnswer,
  ): Promise<void> {
    const text = await firstValueFrom(earlier.pieces);
    response.setHeader('idempotent-replayed', 'true');
    this.writer.jsonText(request, response, { ...envelope, conversationId: earlier.conversationId }, text);
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

function frameOf<Chunk>(event: Chunk | Settled, renderer: StreamRenderer<Chunk>): string {
  return event instanceof Settled
    ? renderer.end(event.usage, event.bill, event.openFinishReason)
    : renderer.chunk(event);
}

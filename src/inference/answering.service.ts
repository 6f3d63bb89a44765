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
import { Settled } from './closing.js';
import type { Endpoint } from './endpoint.js';
import { InferenceService, type AnswerKeeper } from './inference.service.js';

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
   * @throws whatever `InferenceService.complete` does, IdempotencyConflictError; nothing has been sent then
   */
  async whole<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    render: (answer: Answer, settled: Settled) => unknown,
  ): Promise<void> {
    const caller = callerOf(request);
    const first = await this.firstExecution(endpoint.name, body, request, envelope);
    if (first === undefined) {
      const { answer, settled } = await this.inference.complete(
        endpoint,
        body,
        caller,
        clientSignal(response),
      );
      return this.writer.json(request, response, envelope, render(answer, settled));
    }
    if (!(first instanceof Execution)) return this.replayWhole(request, response, envelope, first);
    const text = await this.executeWhole(endpoint, body, caller, first, render);
    return this.writer.jsonText(request, response, envelope, text);
  }

  /** @throws whatever `InferenceService.stream` errors with before its first chunk; nothing has been sent then */
  async streamed<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    renderer: StreamRenderer<Chunk>,
  ): Promise<void> {
    const caller = callerOf(request);
    const flow = new FlowGate();
    const first = await this.firstExecution(endpoint.name, body, request, envelope);
    let frames: Observable<string>;
    let shown = envelope;
    if (first === undefined) {
      frames = this.inference
        .stream(endpoint, body, caller, flow)
        .pipe(map((event) => frameOf(event, renderer)));
    } else {
      if (first instanceof Execution) this.executeStreamed(endpoint, body, caller, flow, first, renderer);
      else response.setHeader('idempotent-replayed', 'true');
      frames = first.pieces;
      shown = { ...envelope, conversationId: first.conversationId };
    }
    await this.writer.stream(request, response, shown, frames, flow, (error) => renderer.failure(error));
  }

  /** @returns `undefined` for a request without an idempotency key */
  private async firstExecution(
    endpoint: string,
    body: object,
    request: TollgateRequest,
    envelope: Envelope,
  ): Promise<Execution | EarlierAnswer | undefined> {
    const idempotencyKey = idempotencyKeyOf(request.headersDistinct['idempotency-key']);
    if (idempotencyKey === undefined) return undefined;
    const { principal, requestId, surface } = callerOf(request);
    return this.idempotency.begin(
      {
        accountId: principal.accountId,
        idempotencyKey,
        fingerprint: fingerprintOf(surface, endpoint, body),
        requestId,
      },
      envelope.conversationId,
      () => this.processes.living(),
    );
  }

  private async executeWhole<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    caller: Caller,
    execution: Execution,
    render: (answer: Answer, settled: Settled) => unknown,
  ): Promise<string> {
    const toText = (answer: Answer, settled: Settled): string => JSON.stringify(render(answer, settled));
    try {
      const { answer, settled } = await this.inference.complete(endpoint, body, caller, NEVER, {
        ...NOTHING_KEPT,
        whole: (trx, given, charged) => execution.keep(trx, toText(given, charged)),
      });
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
  private executeStreamed<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    caller: Caller,
    flow: FlowGate,
    execution: Execution,
    renderer: StreamRenderer<Chunk>,
  ): void {
    let begun = false;
    const events = this.inference.stream(endpoint, body, caller, flow, {
      ...NOTHING_KEPT,
      streamed: (trx, end) =>
        execution.keep(trx, 'settled' in end ? frameOf(end.settled, renderer) : renderer.failure(end.error)),
    });
    events.subscribe({
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

const NOTHING_KEPT: AnswerKeeper<unknown> = {
  whole: () => Promise.resolve(),
  streamed: () => Promise.resolve(),
};

function frameOf<Chunk>(event: Chunk | Settled, renderer: StreamRenderer<Chunk>): string {
  return event instanceof Settled
    ? renderer.end(event.usage, event.bill, event.openFinishReason)
    : renderer.chunk(event);
}

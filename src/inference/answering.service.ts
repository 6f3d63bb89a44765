import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { map } from 'rxjs';
import { AnswerWriter } from '../http/answer-writer.js';
import { clientSignal } from '../http/client-signal.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { FlowGate } from '../streaming/flow-gate.js';
import type { Envelope } from '../surfaces/envelope.js';
import type { StreamRenderer } from '../surfaces/stream-renderer.js';
import { ConcurrencySlots } from '../throttling/concurrency-slots.js';
import { callerOf } from './caller-of.js';
import { Settled } from './closing.js';
import type { Endpoint } from './endpoint.js';
import { InferenceService } from './inference.service.js';

/** From a valid request to bytes on the wire, for any endpoint: the only place where inference meets a response. */
@Injectable()
export class AnsweringService {
  constructor(
    private readonly inference: InferenceService,
    private readonly writer: AnswerWriter,
    private readonly slots: ConcurrencySlots,
  ) {}

  /** @throws whatever `InferenceService.complete` does, DomainError `concurrency_limited`; nothing has been sent then */
  whole<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    render: (answer: Answer, settled: Settled) => unknown,
  ): Promise<void> {
    const caller = callerOf(request);
    return this.slots.within(caller.principal, async () => {
      const { answer, settled } = await this.inference.complete(
        endpoint,
        body,
        caller,
        clientSignal(response),
      );
      this.writer.json(request, response, envelope, render(answer, settled));
    });
  }

  /**
   * @throws whatever `InferenceService.stream` errors with before its first chunk, DomainError `concurrency_limited`;
   *   nothing has been sent then
   */
  streamed<Body extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Body, Answer, Chunk>,
    body: Body,
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    renderer: StreamRenderer<Chunk>,
  ): Promise<void> {
    const caller = callerOf(request);
    const flow = new FlowGate();
    const frames = this.inference
      .stream(endpoint, body, caller, flow)
      .pipe(
        map((event) =>
          event instanceof Settled
            ? renderer.end(event.usage, event.bill, event.openFinishReason)
            : renderer.chunk(event),
        ),
      );
    return this.slots.within(caller.principal, async () => {
      await this.writer.stream(request, response, envelope, frames, flow, (error) => renderer.failure(error));
    });
  }
}

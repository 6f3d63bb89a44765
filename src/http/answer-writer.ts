import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import { AppConfig } from '../config/app-config.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import { guardLastWrite } from '../streaming/last-write.js';
import { writeSse, type SseOutcome } from '../streaming/sse-writer.js';
import type { Envelope } from '../surfaces/envelope.js';
import { sendJson, sendJsonText, stampProcessingTime } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** Puts answers on the wire: whole as JSON, in pieces as server-sent events. */
@Injectable()
export class AnswerWriter {
  constructor(private readonly config: AppConfig) {}

  json(request: TollgateRequest, response: Response, envelope: Envelope, body: unknown): void {
    this.nameConversation(response, envelope);
    sendJson(request, response, 200, body);
    guardLastWrite(response, this.config.stream.writeStallMs);
  }

  /** As `json`, for a body that is JSON text already. */
  jsonText(request: TollgateRequest, response: Response, envelope: Envelope, text: string): void {
    this.nameConversation(response, envelope);
    sendJsonText(request, response, 200, text);
    guardLastWrite(response, this.config.stream.writeStallMs);
  }

  /**
   * Streams ready frames. Rejects, with nothing sent, when the source fails before its first frame; afterwards a
   * failure is told in-band and the promise tells how it went.
   */
  stream(
    request: TollgateRequest,
    response: Response,
    envelope: Envelope,
    frames: Observable<string>,
    flow: FlowGate,
    renderFailure: (error: unknown) => string,
  ): Promise<SseOutcome> {
    const { heartbeatMs, writeStallMs, headersHoldMs } = this.config.stream;
    return writeSse(response, frames, {
      heartbeatMs,
      writeStallMs,
      headersHoldMs,
      flow,
      renderFailure,
      beforeHeaders: () => {
        this.nameConversation(response, envelope);
        stampProcessingTime(request, response);
      },
    });
  }

  private nameConversation(response: Response, envelope: Envelope): void {
    if (envelope.conversationId !== undefined)
      response.setHeader('x-conversation-id', envelope.conversationId);
  }
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import type { Observable } from 'rxjs';
import { AppConfig } from '../config/app-config.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import { guardLastWrite } from '../streaming/last-write.js';
import { pacedWriteAll } from '../streaming/paced-write.js';
import { EVENT_STREAM_HEADERS, writeSse, type SseOutcome } from '../streaming/sse-writer.js';
import { jsonHeaders, sendJsonBytes, sendJsonText, stampProcessingTime } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** Puts answers on the wire: whole as JSON, in pieces as server-sent events. */
@Injectable()
export class AnswerWriterService {
  constructor(private readonly config: AppConfig) {}

  /**
   * @param conversationId where the dialect has conversations
   * @param text JSON
   */
  json(request: TollgateRequest, response: Response, conversationId: string | undefined, text: string): void {
    this.nameConversation(response, conversationId);
    sendJsonText(request, response, 200, text);
    guardLastWrite(response, this.config.stream.writeStallMs);
  }

  /** As `json`, for the bytes of a JSON text. They must stay as they are until the response is closed. */
  jsonBytes(
    request: TollgateRequest,
    response: Response,
    conversationId: string | undefined,
    bytes: Buffer,
  ): void {
    this.nameConversation(response, conversationId);
    sendJsonBytes(request, response, 200, bytes);
    guardLastWrite(response, this.config.stream.writeStallMs);
  }

  /**
   * Sends an answer that was sent before, JSON or frames, at the client's pace. Resolves when it is written or the client
   * is gone: the bytes are needed no longer then.
   */
  async again(
    request: TollgateRequest,
    response: Response,
    conversationId: string | undefined,
    bytes: Buffer,
    kind: 'json' | 'events',
  ): Promise<void> {
    if (response.destroyed) return;
    const { writeStallMs } = this.config.stream;
    this.nameConversation(response, conversationId);
    stampProcessingTime(request, response);
    response.writeHead(200, kind === 'json' ? jsonHeaders(bytes.length) : EVENT_STREAM_HEADERS);
    if (!(await pacedWriteAll(response, bytes, writeStallMs))) return;
    response.end();
    guardLastWrite(response, writeStallMs);
  }

  /**
   * Streams ready frames. Rejects, with nothing sent, when the source fails before its first frame; afterwards a
   * failure is told in-band and the promise tells how it went.
   */
  stream(
    request: TollgateRequest,
    response: Response,
    conversationId: string | undefined,
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
        this.nameConversation(response, conversationId);
        stampProcessingTime(request, response);
      },
    });
  }

  private nameConversation(response: Response, conversationId: string | undefined): void {
    if (conversationId !== undefined) response.setHeader('x-conversation-id', conversationId);
  }
}

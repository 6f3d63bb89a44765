import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Clock } from '../common/clock/clock.js';
import { newCompletionId } from '../common/ids/ids.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { AnsweringService } from '../inference/answering.service.js';
import { completionEndpoint } from '../inference/completions/completion.endpoint.js';
import { CompletionStreamRenderer, renderCompletion } from '../surfaces/completion-answer.js';
import type { Envelope } from '../surfaces/envelope.js';
import type { Surface } from '../surfaces/surface.js';

/** Legacy completions of every surface. */
@Injectable()
export class CompletionsService {
  constructor(
    private readonly answering: AnsweringService,
    private readonly clock: Clock,
  ) {}

  answer(body: CompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const { surface } = request;
    const envelope = this.envelope(body);
    return this.answering.whole(
      { endpoint: completionEndpoint, body: withDefaults(body, surface), envelope },
      request,
      response,
      (answer, { usage, bill }) => renderCompletion(envelope, answer.choices, usage, bill, surface),
    );
  }

  stream(body: CompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const { surface } = request;
    const envelope = this.envelope(body);
    const renderer = new CompletionStreamRenderer({
      envelope,
      surface,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: false,
    });
    return this.answering.streamed(
      { endpoint: completionEndpoint, body: withDefaults(body, surface), envelope },
      request,
      response,
      renderer,
    );
  }

  private envelope(body: CompletionRequest): Envelope {
    return { id: newCompletionId(), created: Math.floor(this.clock.nowMs() / 1000), model: body.model };
  }
}

/** OpenAI's legacy default of 16 tokens, where the dialect keeps it. */
function withDefaults(body: CompletionRequest, { completionMaxTokensDefault }: Surface): CompletionRequest {
  return body.max_tokens !== undefined || completionMaxTokensDefault === undefined
    ? body
    : { ...body, max_tokens: completionMaxTokensDefault };
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { ChatbotsService } from '../chatbots/chatbots.service.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { Clock } from '../common/clock/clock.js';
import { newCompletionId } from '../common/ids/ids.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { AnsweringService, type Question } from '../inference/answering.service.js';
import { callerOf } from '../inference/caller-of.js';
import { completionEndpoint } from '../inference/completions/completion.endpoint.js';
import { CompletionStreamRenderer, renderCompletion } from '../surfaces/completion-answer.js';
import type { Surface } from '../surfaces/surface.js';
import type { CompletionAnswer, CompletionChunk } from '../upstreams/upstream.port.js';
import { ChatbotCompletions } from './chatbot-completions.service.js';

/** Legacy completions of every surface. */
@Injectable()
export class CompletionsService {
  constructor(
    private readonly chatbots: ChatbotsService,
    private readonly chatbotCompletions: ChatbotCompletions,
    private readonly answering: AnsweringService,
    private readonly clock: Clock,
  ) {}

  async answer(body: CompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const question = await this.question(body, request);
    const { envelope } = question;
    return this.answering.whole(question, request, response, (answer, { usage, bill }) =>
      renderCompletion(envelope, answer, usage, bill, request.surface),
    );
  }

  async stream(body: CompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const question = await this.question(body, request);
    const renderer = new CompletionStreamRenderer({
      envelope: question.envelope,
      surface: request.surface,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: false,
    });
    return this.answering.streamed(question, request, response, renderer);
  }

  private async question(
    body: CompletionRequest,
    request: TollgateRequest,
  ): Promise<Question<CompletionRequest, CompletionAnswer, CompletionChunk>> {
    const { model } = body;
    const envelope = { id: newCompletionId(), created: unixSeconds(this.clock.nowMs()), model };
    if (!isChatbotId(model)) {
      return { endpoint: completionEndpoint, body: withDefaults(body, request.surface), envelope };
    }
    const { principal } = callerOf(request);
    const chatbot = await this.chatbots.resolve(model, principal);
    const prepare = () => this.chatbotCompletions.prepare(chatbot, body, principal);
    return { endpoint: completionEndpoint, body, envelope, prepare };
  }
}

/** OpenAI's legacy default of 16 tokens, where the dialect keeps it; a chatbot has its own. */
function withDefaults(body: CompletionRequest, { completionMaxTokensDefault }: Surface): CompletionRequest {
  return body.max_tokens !== undefined || completionMaxTokensDefault === undefined
    ? body
    : { ...body, max_tokens: completionMaxTokensDefault };
}

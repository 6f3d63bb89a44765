import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { ChatbotsService } from '../chatbots/chatbots.service.js';
import { Clock } from '../common/clock/clock.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { newCompletionId } from '../common/ids/ids.js';
import type { CompletionRequest } from '../contracts/openai/completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { completionEndpoint } from '../inference/completions/completion.endpoint.js';
import { requestContextOf } from '../inference/request-context.js';
import { ResponderService } from '../inference/responder.service.js';
import { CompletionRenderer } from '../surfaces/completion-renderer.js';
import type { Surface } from '../surfaces/surface.js';
import { ChatbotCompletionsService, type CompletionJob } from './chatbot-completions.service.js';

/** Legacy completions of every surface. */
@Injectable()
export class CompletionsService {
  constructor(
    private readonly chatbots: ChatbotsService,
    private readonly chatbotCompletions: ChatbotCompletionsService,
    private readonly responder: ResponderService,
    private readonly clock: Clock,
  ) {}

  async respond(body: CompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const context = requestContextOf(request);
    const { surface, principal } = context;
    const { model } = body;
    const streamed = body.stream === true;
    const renderer = new CompletionRenderer({
      envelope: { id: newCompletionId(), created: unixSeconds(this.clock.nowMs()), model },
      surface,
      streamed,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: false,
    });
    const job: CompletionJob = { context, endpoint: completionEndpoint, body, streamed, renderer };
    if (!isChatbotId(model)) {
      return this.responder.respond({ ...job, body: withDefaults(body, surface) }, request, response);
    }
    const chatbot = await this.chatbots.resolve(model, principal);
    const prepare = () => this.chatbotCompletions.prepare(chatbot, job);
    return this.responder.respond({ ...job, prepare }, request, response);
  }
}

/** OpenAI's legacy default of 16 tokens, where the dialect keeps it; a chatbot has its own. */
function withDefaults(body: CompletionRequest, { completionMaxTokensDefault }: Surface): CompletionRequest {
  return body.max_tokens !== undefined || completionMaxTokensDefault === undefined
    ? body
    : { ...body, max_tokens: completionMaxTokensDefault };
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Clock } from '../common/clock/clock.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { newChatCompletionId } from '../common/ids/ids.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { chatEndpoint } from '../inference/chat.endpoint.js';
import { requestContextOf } from '../inference/request-context.js';
import { ResponderService } from '../inference/responder.service.js';
import { ChatRenderer } from '../surfaces/chat-renderer.js';
import { ChatPlanService } from './chat-plan.service.js';
import type { ChatJob } from './chat-turn-context.js';
import { TurnService } from './turn.service.js';

/** Chat completions of every surface: one answer, said in the dialect of the route. */
@Injectable()
export class ChatService {
  constructor(
    private readonly plans: ChatPlanService,
    private readonly turns: TurnService,
    private readonly responder: ResponderService,
    private readonly clock: Clock,
  ) {}

  async respond(body: ChatCompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const context = requestContextOf(request);
    const { surface } = context;
    const plan = await this.plans.plan(body, context.principal, surface);
    const { conversationId } = plan;
    const streamed = body.stream === true;
    const renderer = new ChatRenderer({
      envelope: {
        id: newChatCompletionId(),
        created: unixSeconds(this.clock.nowMs()),
        model: body.model,
        conversationId,
      },
      surface,
      streamed,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: body.stream_options?.include_obfuscation === true,
    });
    const job: ChatJob = { context, endpoint: chatEndpoint, body, streamed, renderer };
    const plain = plan.chatbot === undefined && plan.memory === undefined && !plan.storesCompletion;
    return this.responder.respond(
      plain ? job : { ...job, prepare: (signal) => this.turns.prepare({ plan, job }, signal) },
      request,
      response,
    );
  }
}

import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { Clock } from '../common/clock/clock.js';
import { newChatCompletionId } from '../common/ids/ids.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { AnsweringService, type Question } from '../inference/answering.service.js';
import { callerOf } from '../inference/caller-of.js';
import { chatEndpoint } from '../inference/chat.endpoint.js';
import { renderChatCompletion } from '../surfaces/chat-answer.js';
import { ChatStreamRenderer } from '../surfaces/chat-stream.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';
import { ChatPlanService } from './chat-plan.service.js';
import { TurnService } from './turn.service.js';

/** Chat completions of every surface: one answer, said in the dialect of the route. */
@Injectable()
export class ChatService {
  constructor(
    private readonly plans: ChatPlanService,
    private readonly turns: TurnService,
    private readonly answering: AnsweringService,
    private readonly clock: Clock,
  ) {}

  async answer(body: ChatCompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const question = await this.question(body, request);
    const { envelope } = question;
    return this.answering.whole(question, request, response, (answer, { usage, bill }) =>
      renderChatCompletion(envelope, answer, usage, bill, request.surface),
    );
  }

  async stream(body: ChatCompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const question = await this.question(body, request);
    const renderer = new ChatStreamRenderer({
      envelope: question.envelope,
      surface: request.surface,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: body.stream_options?.include_obfuscation === true,
    });
    return this.answering.streamed(question, request, response, renderer);
  }

  private async question(
    body: ChatCompletionRequest,
    request: TollgateRequest,
  ): Promise<Question<ChatCompletionRequest, ChatAnswer, ChatChunk>> {
    const caller = callerOf(request);
    const { surface } = request;
    const plan = await this.plans.plan(body, caller.principal, surface);
    const envelope = {
      id: newChatCompletionId(),
      created: unixSeconds(this.clock.nowMs()),
      model: body.model,
      conversationId: plan.conversationId,
    };
    const plain = plan.chatbot === undefined && plan.memory === undefined && !plan.storesCompletion;
    return {
      endpoint: chatEndpoint,
      body,
      envelope,
      prepare: plain
        ? undefined
        : (signal) => this.turns.prepare({ plan, body, caller, surface, envelope }, signal),
    };
  }
}

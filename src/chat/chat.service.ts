import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { Clock } from '../common/clock/clock.js';
import { newChatCompletionId, newConversationId } from '../common/ids/ids.js';
import type { ChatCompletionRequest } from '../contracts/openai/chat-completion.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { AnsweringService } from '../inference/answering.service.js';
import { chatEndpoint } from '../inference/chat.endpoint.js';
import { renderChatCompletion } from '../surfaces/chat-answer.js';
import { ChatStreamRenderer } from '../surfaces/chat-stream.js';
import type { Envelope } from '../surfaces/envelope.js';

/** Chat completions of every surface: one answer, said in the dialect of the route. */
@Injectable()
export class ChatService {
  constructor(
    private readonly answering: AnsweringService,
    private readonly clock: Clock,
  ) {}

  answer(body: ChatCompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const envelope = this.envelope(body, request);
    const question = { endpoint: chatEndpoint, body, envelope };
    return this.answering.whole(question, request, response, (answer, { usage, bill }) =>
      renderChatCompletion(envelope, answer, usage, bill, request.surface),
    );
  }

  stream(body: ChatCompletionRequest, request: TollgateRequest, response: Response): Promise<void> {
    const envelope = this.envelope(body, request);
    const renderer = new ChatStreamRenderer({
      envelope,
      surface: request.surface,
      includeUsage: body.stream_options?.include_usage,
      includeObfuscation: body.stream_options?.include_obfuscation === true,
    });
    return this.answering.streamed({ endpoint: chatEndpoint, body, envelope }, request, response, renderer);
  }

  private envelope(body: ChatCompletionRequest, request: TollgateRequest): Envelope {
    return {
      id: newChatCompletionId(),
      created: Math.floor(this.clock.nowMs() / 1000),
      model: body.model,
      conversationId: request.surface.conversations ? conversationId(body.conversation_id) : undefined,
    };
  }
}

/** The documented default "UID" is a placeholder: taken literally it would merge strangers' conversations. */
function conversationId(asked: string | undefined): string {
  return asked === undefined || asked === '' || asked === 'UID' ? newConversationId() : asked;
}

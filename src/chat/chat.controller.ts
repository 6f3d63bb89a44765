import { Controller, HttpCode, Injectable, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiRequestTimeoutResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { UnknownModelFilter } from '../chatbots/unknown-model.filter.js';
import {
  ChatCompletionChunk,
  ChatCompletionChunkWithConversation,
  ChatCompletionChunkWithCredits,
} from '../contracts/openai/chat-completion-chunk-response.dto.js';
import {
  ChatCompletion,
  ChatCompletionWithConversation,
  ChatCompletionWithCredits,
} from '../contracts/openai/chat-completion-response.dto.js';
import { ChatCompletionDto } from '../contracts/openai/chat-completion.dto.js';
import { ErrorResponseWithDetail } from '../contracts/openai/error-response.dto.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { TURN_FAILURES } from '../surfaces/api-failures.decorator.js';
import { ApiAnswers } from '../surfaces/api-answers.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI } from '../surfaces/surface.js';
import { ChatService } from './chat.service.js';

/** `POST …/chat/completions`; each surface is this under its own path and dialect. */
@Injectable()
abstract class ChatController {
  constructor(private readonly chat: ChatService) {}

  @Post()
  @UseFilters(UnknownModelFilter)
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createChatCompletion',
    summary: 'Answer a conversation',
    description:
      'Answers with one message a choice, whole or as Server-Sent Events (`stream: true`). Unknown fields are ignored; `null` in an optional field is the same as leaving it out.',
  })
  // The same on every surface: nobody has read a path yet. Without a response here Nest would add an empty 200.
  @ApiRequestTimeoutResponse({
    type: ErrorResponseWithDetail,
    description: 'The request took too long to arrive.',
  })
  create(
    @RequestDto(ChatCompletionDto) body: ChatCompletionDto,
    @Req() request: TollgateRequest,
    @Res() response: Response,
  ): Promise<void> {
    return this.chat.respond(body, request, response);
  }
}

@Serves('waterflai')
@ApiAnswers(WATERFLAI, ChatCompletionWithConversation, ChatCompletionChunkWithConversation, TURN_FAILURES)
@Controller(['v1/chat/completions', 'chat/completions'])
export class WaterflaiChatController extends ChatController {}

@Serves('qolaba')
@ApiAnswers(QOLABA, ChatCompletionWithCredits, ChatCompletionChunkWithCredits)
@Controller('api/v1/chat/completions')
export class QolabaChatController extends ChatController {}

@Serves('lightningrod')
@ApiAnswers(LIGHTNINGROD, ChatCompletion, ChatCompletionChunk)
@Controller('api/public/v1/openai/chat/completions')
export class LightningrodChatController extends ChatController {}

import { Controller, HttpCode, Injectable, Post, Req, Res } from '@nestjs/common';
import type { Response } from 'express';
import { ChatCompletionDto } from '../contracts/openai/chat-completion.dto.js';
import { RequestDto } from '../http/request-dto.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { ChatService } from './chat.service.js';

/** `POST …/chat/completions`; each surface is this under its own path and dialect. */
@Injectable()
abstract class ChatController {
  constructor(private readonly chat: ChatService) {}

  @Post()
  @HttpCode(200)
  create(
    @RequestDto(ChatCompletionDto) body: ChatCompletionDto,
    @Req() request: TollgateRequest,
    @Res() response: Response,
  ): Promise<void> {
    return body.stream === true
      ? this.chat.stream(body, request, response)
      : this.chat.answer(body, request, response);
  }
}

@Serves('waterflai')
@Controller(['v1/chat/completions', 'chat/completions'])
export class WaterflaiChatController extends ChatController {}

@Serves('qolaba')
@Controller('api/v1/chat/completions')
export class QolabaChatController extends ChatController {}

@Serves('lightningrod')
@Controller('api/public/v1/openai/chat/completions')
export class LightningrodChatController extends ChatController {}

import { Controller, Get, HttpCode, Injectable, Post, Req, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ChatbotList, ChatbotObject } from '../chatbots/chatbot-objects.dto.js';
import type { Manager } from '../chatbots/chatbot-rules.service.js';
import { ChatbotBaseController } from '../chatbots/chatbot-base.controller.js';
import { toSettings } from '../chatbots/chatbot-settings.js';
import { toChatbotObject } from '../chatbots/chatbot-wire.js';
import { NewChatbotDto } from '../chatbots/chatbots.dto.js';
import type { Principal } from '../common/principal.js';
import { PageDto, toListAnswer, toPageRequest } from '../contracts/accounts/paging.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { ApiFailures, RECORD_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI } from '../surfaces/surface.js';
import { ChatbotsGuard } from './chatbots.guard.js';

/** The request after the guard. */
interface AuthenticatedRequest {
  readonly principal: Principal;
}

/** The chatbots of the key's account; the same on every surface but for the words of failures. */
@Injectable()
@UseGuards(ChatbotsGuard)
abstract class ChatbotsSelfServiceController extends ChatbotBaseController<AuthenticatedRequest> {
  @Post()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createChatbot',
    summary: 'Make a chatbot',
    description: 'It is published at once unless `draft` is true. Its `id` is then a `model` like any other.',
  })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot' })
  async create(
    @RequestDto(NewChatbotDto) body: NewChatbotDto,
    @Req() request: AuthenticatedRequest,
  ): Promise<ChatbotObject> {
    const { accountId } = request.principal;
    const { keys: keyIds, draft = false } = body;
    const wanted = { accountId, settings: toSettings(body), keyIds, draft };
    return toChatbotObject(await this.desk.create(this.managerOf(request), wanted));
  }

  @Get()
  @ApiOperation({ operationId: 'listChatbots', summary: "List the chatbots of the key's account" })
  @ApiOkResponse({ type: ChatbotList, description: 'Newest first, each with its newest version' })
  async list(@QueryDto(PageDto) query: PageDto, @Req() request: AuthenticatedRequest): Promise<ChatbotList> {
    const page = await this.desk.list(this.managerOf(request), undefined, toPageRequest(query));
    return toListAnswer(page, ({ chatbot }) => chatbot, toChatbotObject);
  }

  protected override managerOf({ principal }: AuthenticatedRequest): Manager {
    return principal;
  }
}

@Serves('waterflai')
@ApiFailures(WATERFLAI, RECORD_FAILURES)
@Controller('v1/chatbots')
export class WaterflaiChatbotsController extends ChatbotsSelfServiceController {}

@Serves('qolaba')
@ApiFailures(QOLABA, RECORD_FAILURES)
@Controller('api/v1/chatbots')
export class QolabaChatbotsController extends ChatbotsSelfServiceController {}

@Serves('lightningrod')
@ApiFailures(LIGHTNINGROD, RECORD_FAILURES)
@Controller('api/public/v1/openai/chatbots')
export class LightningrodChatbotsController extends ChatbotsSelfServiceController {}

import { Get, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { ChatbotObject } from '../chatbots/chatbot-objects.dto.js';
import { OPERATOR, type Manager } from '../chatbots/chatbot-rules.service.js';
import { ChatbotBaseController } from '../chatbots/chatbot-base.controller.js';
import { toSettings } from '../chatbots/chatbot-settings.js';
import { toChatbotObject } from '../chatbots/chatbot-wire.js';
import { ChatbotListDto, NewAccountChatbotDto } from '../chatbots/chatbots.dto.js';
import { toListAnswer, toPageRequest } from '../contracts/accounts/paging.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { AllChatbotsList } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

/** Chatbots of all accounts. */
@AdminRoute('chatbots')
export class ChatbotsController extends ChatbotBaseController<unknown> {
  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'createChatbot', summary: 'Make a chatbot of an account' })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot' })
  async create(@RequestDto(NewAccountChatbotDto) body: NewAccountChatbotDto): Promise<ChatbotObject> {
    const { account_id: accountId, keys: keyIds, draft = false } = body;
    const settings = toSettings(body);
    return toChatbotObject(await this.desk.create(OPERATOR, { accountId, settings, keyIds, draft }));
  }

  @Get()
  @ApiOperation({ operationId: 'listChatbots', summary: 'List chatbots, newest first' })
  @ApiOkResponse({ type: AllChatbotsList, description: 'Each with its newest version' })
  async list(@QueryDto(ChatbotListDto) query: ChatbotListDto): Promise<AllChatbotsList> {
    const page = await this.desk.list(OPERATOR, query.account_id, toPageRequest(query));
    return toListAnswer(page, ({ chatbot }) => chatbot, toChatbotObject);
  }

  protected override managerOf(): Manager {
    return OPERATOR;
  }
}

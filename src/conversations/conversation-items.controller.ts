import { Controller, Delete, Get, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiExtraModels, ApiOkResponse, ApiOperation, ApiParam, getSchemaPath } from '@nestjs/swagger';
import type { Principal } from '../common/principal.js';
import { ConversationItemList, ITEM_CLASSES } from '../contracts/openai/conversation-item.dto.js';
import { ConversationObject } from '../contracts/openai/conversation.dto.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { ApiFailures, CONVERSATION_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { WATERFLAI } from '../surfaces/surface.js';
import { ConversationId } from './conversation-id.decorator.js';
import { ConversationItemsService } from './conversation-items.service.js';
import { LargeAnswersService } from './large-answers.service.js';
import { NewItemsDto } from './conversations.dto.js';
import { ConversationsGuard } from './conversations.guard.js';
import { CursorPageDto } from './cursor-page.js';

/** The request after the guards. */
type ReadersRequest = TollgateRequest & { readonly principal: Principal };

const ItemParam = () => ApiParam({ name: 'item_id', type: String });

/** OpenAI's `include` changes nothing: all that is stored is always shown. */
@Serves('waterflai')
@ApiFailures(WATERFLAI, CONVERSATION_FAILURES)
@UseGuards(ConversationsGuard)
@ApiParam({ name: 'conversation_id', type: String, description: 'As for the conversation itself.' })
@Controller('v1/conversations/:conversation_id/items')
export class ConversationItemsController {
  constructor(
    private readonly items: ConversationItemsService,
    private readonly large: LargeAnswersService,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listConversationItems',
    summary: 'List the items of a conversation, newest first',
    description: 'A page ends early where items are megabytes long; `has_more` tells.',
  })
  @ApiOkResponse({ type: ConversationItemList, description: 'A page of them' })
  async list(
    @ConversationId() conversationId: string,
    @QueryDto(CursorPageDto) query: CursorPageDto,
    @Req() request: ReadersRequest,
  ) {
    const page = await this.items.findPage(request.principal, conversationId, query);
    return this.large.answer(request, page.octets, page.open);
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createConversationItems',
    summary: 'Put items at the end of a conversation',
    description: 'Refused while a turn is going on.',
  })
  @ApiOkResponse({ type: ConversationItemList, description: 'The new items' })
  async add(
    @ConversationId() conversationId: string,
    @RequestDto(NewItemsDto) body: NewItemsDto,
    @Req() request: ReadersRequest,
  ) {
    const { octets, items } = await this.items.add(request.principal, conversationId, body);
    return this.large.answer(request, octets, async () => items);
  }

  @Get(':item_id')
  @ApiOperation({ operationId: 'getConversationItem', summary: 'Retrieve an item' })
  @ItemParam()
  @ApiExtraModels(...ITEM_CLASSES)
  @ApiOkResponse({
    schema: { oneOf: ITEM_CLASSES.map((item) => ({ $ref: getSchemaPath(item) })) },
    description: 'The item',
  })
  async get(
    @ConversationId() conversationId: string,
    @Param('item_id') itemId: string,
    @Req() request: ReadersRequest,
  ) {
    const item = await this.items.find(request.principal, conversationId, itemId);
    return this.large.answer(request, item.octets, item.open);
  }

  @Delete(':item_id')
  @ApiOperation({
    operationId: 'deleteConversationItem',
    summary: 'Erase an item',
    description:
      'That item alone: the outputs of an erased call stay until they are erased, and are not sent to models. Refused while a turn is going on.',
  })
  @ItemParam()
  @ApiOkResponse({ type: ConversationObject, description: 'The conversation without it' })
  delete(
    @ConversationId() conversationId: string,
    @Param('item_id') itemId: string,
    @Req() { principal }: ReadersRequest,
  ): Promise<ConversationObject> {
    return this.items.delete(principal, conversationId, itemId);
  }
}

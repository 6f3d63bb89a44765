import { Controller, Delete, Get, HttpCode, Post, Req, Res, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam, getSchemaPath, ApiExtraModels } from '@nestjs/swagger';
import type { Response } from 'express';
import type { Principal } from '../common/principal.js';
import {
  ConversationDeleted,
  ConversationExport,
  ConversationList,
  ConversationObject,
} from '../contracts/openai/conversation.dto.js';
import { FileWriterService } from '../http/file-writer.service.js';
import { OptionalBody } from '../http/optional-body.decorator.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ApiFailures, CONVERSATION_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { WATERFLAI } from '../surfaces/surface.js';
import { ConversationExportService } from './conversation-export.service.js';
import { ConversationId } from './conversation-id.decorator.js';
import {
  ConversationChangesDto,
  ConversationListDto,
  ExportDto,
  NewConversationDto,
} from './conversations.dto.js';
import { ConversationsGuard } from './conversations.guard.js';
import { ConversationsService, toConversationObject } from './conversations.service.js';

/** The request after the guards. */
interface ReadersRequest extends TollgateRequest {
  readonly principal: Principal;
}

const IdParam = () =>
  ApiParam({
    name: 'conversation_id',
    type: String,
    description:
      '`conv_…`, or the `conversation_id` as the client knows it, where no other chatbot has it too.',
    example: 'conv_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d',
  });

@Serves('waterflai')
@ApiFailures(WATERFLAI, CONVERSATION_FAILURES)
@UseGuards(ConversationsGuard)
@Controller('v1/conversations')
export class ConversationsController {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly exports: ConversationExportService,
    private readonly files: FileWriterService,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createConversation',
    summary: 'Begin a conversation',
    description: 'Any model goes on with it: send its id as `conversation_id` of a chat completion.',
  })
  @ApiOkResponse({ type: ConversationObject, description: 'The conversation' })
  create(
    @OptionalBody(NewConversationDto, { orNull: true }) body: NewConversationDto,
    @Req() { principal }: ReadersRequest,
  ): Promise<ConversationObject> {
    return this.conversations.create(principal, body);
  }

  @Get()
  @ApiOperation({
    operationId: 'listConversations',
    summary: "List the account's conversations, newest first",
    description: "Not one of OpenAI's routes; its pages are like theirs.",
  })
  @ApiOkResponse({ type: ConversationList, description: 'A page of them' })
  list(
    @QueryDto(ConversationListDto) query: ConversationListDto,
    @Req() { principal }: ReadersRequest,
  ): Promise<ConversationList> {
    return this.conversations.list(principal, query);
  }

  @Get(':conversation_id')
  @ApiOperation({ operationId: 'getConversation', summary: 'Retrieve a conversation' })
  @IdParam()
  @ApiOkResponse({ type: ConversationObject, description: 'The conversation, without its items' })
  async get(@ConversationId() id: string, @Req() { principal }: ReadersRequest): Promise<ConversationObject> {
    return toConversationObject(await this.conversations.get(principal.accountId, id));
  }

  @Post(':conversation_id')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'updateConversation',
    summary: 'Rename a conversation or change its metadata',
  })
  @IdParam()
  @ApiOkResponse({ type: ConversationObject, description: 'The conversation as it is now' })
  change(
    @ConversationId() id: string,
    @RequestDto(ConversationChangesDto) body: ConversationChangesDto,
    @Req() { principal }: ReadersRequest,
  ): Promise<ConversationObject> {
    return this.conversations.change(principal, id, body);
  }

  @Delete(':conversation_id')
  @ApiOperation({
    operationId: 'deleteConversation',
    summary: 'Erase a conversation with all its items',
    description: 'At any time: a turn that is going on is answered and not stored.',
  })
  @IdParam()
  @ApiOkResponse({ type: ConversationDeleted, description: 'It is gone' })
  erase(@ConversationId() id: string, @Req() { principal }: ReadersRequest): Promise<ConversationDeleted> {
    return this.conversations.erase(principal, id);
  }

  @Get(':conversation_id/export')
  @ApiOperation({
    operationId: 'exportConversation',
    summary: 'Download a whole conversation',
    description:
      "Not one of OpenAI's routes. `json` has every message as it is stored, ready to be sent or to be put into another conversation; `markdown` is for people.",
  })
  @IdParam()
  @ApiExtraModels(ConversationExport)
  @ApiOkResponse({
    description: 'The file',
    headers: { 'content-disposition': { description: 'Its name.', schema: { type: 'string' } } },
    content: {
      'application/json': { schema: { $ref: getSchemaPath(ConversationExport) } },
      'text/markdown': { schema: { type: 'string' } },
    },
  })
  async export(
    @ConversationId() id: string,
    @QueryDto(ExportDto) { format = 'json' }: ExportDto,
    @Req() request: ReadersRequest,
    @Res() response: Response,
  ): Promise<void> {
    const file = await this.exports.export(request.principal, request.requestId, id, format);
    await this.files.send(request, response, file);
  }
}

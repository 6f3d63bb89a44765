import { Controller, Delete, Get, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import type { Principal } from '../common/principal.js';
import {
  StoredCompletionDeleted,
  StoredCompletionList,
  StoredCompletionObject,
  StoredMessageList,
} from '../contracts/openai/stored-completion.dto.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { ApiFailures, CONVERSATION_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { WATERFLAI } from '../surfaces/surface.js';
import { ConversationsGuard } from './conversations.guard.js';
import { CursorPageDto } from './cursor-page.js';
import { LargeAnswersService } from './large-answers.service.js';
import { CompletionChangesDto, CompletionListDto } from './stored-completions.dto.js';
import { StoredCompletionsService } from './stored-completions.service.js';

/** The request after the guards. */
type ReadersRequest = TollgateRequest & { readonly principal: Principal };

const IdParam = () =>
  ApiParam({
    name: 'completion_id',
    type: String,
    example: 'chatcmpl-540331caf8ef97a39be5466fe969c',
  });

/** What became of chat completions that were asked with `store: true`. */
@Serves('waterflai')
@ApiFailures(WATERFLAI, CONVERSATION_FAILURES)
@UseGuards(ConversationsGuard)
@Controller('v1/chat/completions')
export class StoredCompletionsController {
  constructor(
    private readonly completions: StoredCompletionsService,
    private readonly large: LargeAnswersService,
  ) {}

  @Get()
  @ApiOperation({
    operationId: 'listChatCompletions',
    summary: 'List stored chat completions, oldest first',
    description:
      'A page ends early where answers are megabytes long; `has_more` tells. One that cannot be opened is left out.',
  })
  @ApiOkResponse({ type: StoredCompletionList, description: 'A page of them' })
  async list(@QueryDto(CompletionListDto) query: CompletionListDto, @Req() request: ReadersRequest) {
    const { octets, open } = await this.completions.findPage(request.principal, query);
    return this.large.answer(request, octets, open);
  }

  @Get(':completion_id')
  @ApiOperation({ operationId: 'getChatCompletion', summary: 'Retrieve a stored chat completion' })
  @IdParam()
  @ApiOkResponse({ type: StoredCompletionObject, description: 'The answer as it was given' })
  async get(@Param('completion_id') id: string, @Req() request: ReadersRequest) {
    const { octets, open } = await this.completions.findOne(request.principal, id);
    return this.large.answer(request, octets, open);
  }

  @Post(':completion_id')
  @HttpCode(200)
  @ApiOperation({
    operationId: 'updateChatCompletion',
    summary: 'Change the metadata of a stored chat completion',
  })
  @IdParam()
  @ApiOkResponse({ type: StoredCompletionObject, description: 'The completion as it is now' })
  async change(
    @Param('completion_id') id: string,
    @RequestDto(CompletionChangesDto) body: CompletionChangesDto,
    @Req() request: ReadersRequest,
  ) {
    const { octets, open } = await this.completions.change(request.principal, id, body);
    return this.large.answer(request, octets, open);
  }

  @Delete(':completion_id')
  @ApiOperation({ operationId: 'deleteChatCompletion', summary: 'Erase a stored chat completion' })
  @IdParam()
  @ApiOkResponse({ type: StoredCompletionDeleted, description: 'It is gone' })
  erase(
    @Param('completion_id') id: string,
    @Req() { principal }: ReadersRequest,
  ): Promise<StoredCompletionDeleted> {
    return this.completions.erase(principal, id);
  }

  @Get(':completion_id/messages')
  @ApiOperation({
    operationId: 'getChatCompletionMessages',
    summary: 'List the messages that a stored chat completion answered',
  })
  @IdParam()
  @ApiOkResponse({ type: StoredMessageList, description: 'A page of them' })
  async messages(
    @Param('completion_id') id: string,
    @QueryDto(CursorPageDto) query: CursorPageDto,
    @Req() request: ReadersRequest,
  ) {
    const { octets, open } = await this.completions.messages(request.principal, id, query);
    return this.large.answer(request, octets, open);
  }
}

import { Delete, Get, HttpCode, Injectable, Param, Patch as PatchRoute, Post, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiParam } from '@nestjs/swagger';
import { DEFAULT_LIMIT, PageDto, badCursor, readCursor, writeCursor } from '../contracts/accounts/paging.js';
import { PatchDto, patched, type Patch } from '../http/patch-dto.decorator.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RowId } from '../http/row-id.decorator.js';
import { VersionedBody } from '../http/versioned-body.decorator.js';
import { ChatbotAdminService } from './chatbot-admin.service.js';
import {
  ChatbotComparison,
  ChatbotDeleted,
  ChatbotObject,
  ChatbotVersionList,
  ChatbotVersionObject,
} from './chatbot-objects.dto.js';
import type { Manager } from './chatbot-rules.service.js';
import { toChatbotObject, toComparison, toVersionObject } from './chatbot-wire.js';
import {
  ChatbotPatchDto,
  ComparisonDto,
  DeletionDto,
  PublicationDto,
  RestorationDto,
  WithdrawalDto,
} from './chatbots.dto.js';
import { ChatbotVersionNotFoundError } from './chatbots.errors.js';

const VERSION = /^[1-9]\d{0,8}$/;

/** The `:version` of a path. */
const VersionParam = (): ParameterDecorator =>
  Param('version', {
    transform(version: string): number {
      if (VERSION.test(version)) return Number(version);
      throw new ChatbotVersionNotFoundError();
    },
  });

const ApiVersion = () => ApiParam({ name: 'version', type: Number, example: 1 });

/**
 * What operators and keys do with a chatbot that is there; making and listing is told apart by whose they are.
 * `Request`: what a guard has let in.
 */
@Injectable()
export abstract class ChatbotBaseController<Request> {
  constructor(protected readonly desk: ChatbotAdminService) {}

  protected abstract managerOf(request: Request): Manager;

  @Get(':id')
  @ApiOperation({ operationId: 'retrieveChatbot', summary: 'Retrieve a chatbot with its newest version' })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot, system prompt included' })
  async get(@RowId() id: string, @Req() request: Request): Promise<ChatbotObject> {
    return toChatbotObject(await this.desk.get(this.managerOf(request), id));
  }

  @PatchRoute(':id')
  @ApiOperation({
    operationId: 'updateChatbot',
    summary: 'Change a chatbot, which makes a new version',
    description:
      'Absent fields stay, `null` brings a default back. The new version is published at once unless `draft` is true; it builds on the newest one. A change of `keys` alone makes no version, and what changes nothing changes nothing.',
  })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot afterwards' })
  async change(
    @RowId() id: string,
    @PatchDto(ChatbotPatchDto, 'revision') patch: Patch<ChatbotPatchDto>,
    @Req() request: Request,
  ): Promise<ChatbotObject> {
    const changes = {
      settings: patch,
      keyIds: patched(patch, 'keys'),
      draft: patch.set.draft === true,
    };
    const { expectedVersion } = patch;
    return toChatbotObject(await this.desk.change(this.managerOf(request), id, changes, expectedVersion));
  }

  @Delete(':id')
  @ApiOperation({
    operationId: 'deleteChatbot',
    summary: 'Delete a chatbot with its versions',
    description: 'Its conversations stay until they are deleted; nobody can go on with them.',
  })
  @ApiOkResponse({ type: ChatbotDeleted, description: 'It is gone' })
  async delete(
    @RowId() id: string,
    @VersionedBody(DeletionDto, 'revision') { revision }: DeletionDto,
    @Req() request: Request,
  ): Promise<ChatbotDeleted> {
    await this.desk.delete(this.managerOf(request), id, revision);
    return { object: 'chatbot.deleted', id, deleted: true };
  }

  @Post(':id/publish')
  @HttpCode(200)
  @ApiOperation({ operationId: 'publishChatbot', summary: 'Give callers a version of a chatbot' })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot afterwards' })
  async publish(
    @RowId() id: string,
    @VersionedBody(PublicationDto, 'revision') { version, revision }: PublicationDto,
    @Req() request: Request,
  ): Promise<ChatbotObject> {
    return toChatbotObject(await this.desk.publish(this.managerOf(request), id, version, revision));
  }

  @Post(':id/unpublish')
  @HttpCode(200)
  @ApiOperation({ operationId: 'unpublishChatbot', summary: 'Take a chatbot from its callers' })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot afterwards' })
  async unpublish(
    @RowId() id: string,
    @VersionedBody(WithdrawalDto, 'revision') { revision }: WithdrawalDto,
    @Req() request: Request,
  ): Promise<ChatbotObject> {
    return toChatbotObject(await this.desk.unpublish(this.managerOf(request), id, revision));
  }

  @Get(':id/versions')
  @ApiOperation({ operationId: 'listChatbotVersions', summary: 'List the versions of a chatbot' })
  @ApiOkResponse({ type: ChatbotVersionList, description: 'Newest first' })
  async versions(
    @RowId() id: string,
    @QueryDto(PageDto) query: PageDto,
    @Req() request: Request,
  ): Promise<ChatbotVersionList> {
    const { limit = DEFAULT_LIMIT, cursor } = query;
    const before = cursor === undefined ? undefined : versionAfter(cursor);
    const { chatbot, page } = await this.desk.listVersions(this.managerOf(request), id, limit, before);
    const last = page.rows.at(-1);
    return {
      object: 'list',
      data: page.rows.map((version) => toVersionObject(version, chatbot.publishedVersion)),
      has_more: page.hasMore,
      next_cursor: page.hasMore && last !== undefined ? writeCursor([last.version]) : null,
    };
  }

  @Get(':id/versions/:version')
  @ApiVersion()
  @ApiOperation({ operationId: 'retrieveChatbotVersion', summary: 'Retrieve a version of a chatbot' })
  @ApiOkResponse({ type: ChatbotVersionObject, description: 'The version' })
  async version(
    @RowId() id: string,
    @VersionParam() number: number,
    @Req() request: Request,
  ): Promise<ChatbotVersionObject> {
    const { chatbot, version } = await this.desk.getVersion(this.managerOf(request), id, number);
    return toVersionObject(version, chatbot.publishedVersion);
  }

  @Post(':id/versions/:version/restore')
  @HttpCode(200)
  @ApiVersion()
  @ApiOperation({
    operationId: 'restoreChatbotVersion',
    summary: 'Make a new version that says what an older one says',
  })
  @ApiOkResponse({ type: ChatbotObject, description: 'The chatbot afterwards' })
  async restore(
    @RowId() id: string,
    @VersionParam() version: number,
    @VersionedBody(RestorationDto, 'revision') { draft = false, revision }: RestorationDto,
    @Req() request: Request,
  ): Promise<ChatbotObject> {
    const manager = this.managerOf(request);
    return toChatbotObject(await this.desk.restore(manager, id, version, draft, revision));
  }

  @Get(':id/compare')
  @ApiOperation({
    operationId: 'compareChatbotVersions',
    summary: 'Tell what differs between two versions of a chatbot',
  })
  @ApiOkResponse({ type: ChatbotComparison, description: 'Field by field' })
  async compare(
    @RowId() id: string,
    @QueryDto(ComparisonDto) { from, to }: ComparisonDto,
    @Req() request: Request,
  ): Promise<ChatbotComparison> {
    const manager = this.managerOf(request);
    const before = await this.desk.getVersion(manager, id, from);
    const after = await this.desk.getVersion(manager, id, to);
    return toComparison(before.version, after.version);
  }
}

/** @throws ValidationFailedError for a cursor that is none of this list */
function versionAfter(cursor: string): number {
  const [version] = readCursor(cursor);
  if (typeof version !== 'number' || !VERSION.test(String(version))) throw badCursor(cursor);
  return version;
}

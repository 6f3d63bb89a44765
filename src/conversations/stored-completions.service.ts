import { Injectable } from '@nestjs/common';
import type { Principal } from '../common/principal.js';
import type {
  StoredCompletionDeleted,
  StoredCompletionObject,
  StoredMessageObject,
} from '../contracts/openai/stored-completion.dto.js';
import type { StoredMessage } from './conversation.js';
import { CompletionNotFoundError } from './conversations.errors.js';
import { refuseWhereNothingIsStored } from './conversations.service.js';
import { badAfter, DEFAULT_LIMIT, toCursorPage, type CursorPage, type CursorPageDto } from './cursor-page.js';
import { ErasureRepository } from './erasure.repository.js';
import type { StoredCompletion } from './stored-completion.js';
import { StoredCompletionRepository } from './stored-completion.repository.js';
import type { CompletionChangesDto, CompletionListDto } from './stored-completions.dto.js';

/** Ids as answers have them; nothing else can be the id of one. */
const COMPLETION_ID = /^chatcmpl-[0-9a-z]{1,64}$/;

/** An account's stored chat completions, as those who may read them see and change them. */
@Injectable()
export class StoredCompletionsService {
  constructor(
    private readonly completions: StoredCompletionRepository,
    private readonly erasure: ErasureRepository,
  ) {}

  /**
   * Oldest first unless said otherwise.
   * @throws ValidationFailedError for an `after` that is no completion of the account's
   */
  async list(
    { accountId }: Principal,
    { model, metadata, after, limit = DEFAULT_LIMIT, order = 'asc' }: CompletionListDto,
  ): Promise<CursorPage<StoredCompletionObject>> {
    const last =
      after === undefined || !COMPLETION_ID.test(after)
        ? undefined
        : await this.completions.findPosition(accountId, after);
    if (after !== undefined && last === undefined) throw badAfter(after);
    const { rows, hasMore } = await this.completions.list(
      accountId,
      { model, metadata },
      { order, after: last, limit },
    );
    return toCursorPage(rows.map(toCompletionObject), hasMore);
  }

  /** @throws CompletionNotFoundError */
  async get({ accountId }: Principal, id: string): Promise<StoredCompletionObject> {
    const completion = await this.find(accountId, id);
    if (completion === undefined) throw new CompletionNotFoundError();
    return toCompletionObject(completion);
  }

  /** @throws NothingStoredError, CompletionNotFoundError */
  async change(
    principal: Principal,
    id: string,
    { metadata }: CompletionChangesDto,
  ): Promise<StoredCompletionObject> {
    refuseWhereNothingIsStored(principal);
    if (metadata === undefined || !COMPLETION_ID.test(id)) return this.get(principal, id);
    const changed = await this.completions.changeMetadata(principal.accountId, id, metadata);
    if (changed === undefined) throw new CompletionNotFoundError();
    return toCompletionObject(changed);
  }

  /** @throws CompletionNotFoundError */
  async erase({ accountId }: Principal, id: string): Promise<StoredCompletionDeleted> {
    const erased = COMPLETION_ID.test(id) && (await this.erasure.erase(accountId, id, 'completion'));
    if (!erased) throw new CompletionNotFoundError();
    return { object: 'chat.completion.deleted', id, deleted: true };
  }

  /**
   * What was asked, in order unless said otherwise.
   * @throws CompletionNotFoundError; ValidationFailedError for an `after` that is no message of it
   */
  async messages(
    { accountId }: Principal,
    id: string,
    { after, limit = DEFAULT_LIMIT, order = 'asc' }: CursorPageDto,
  ): Promise<CursorPage<StoredMessageObject>> {
    const completion = await this.find(accountId, id);
    if (completion === undefined) throw new CompletionNotFoundError();
    const afterSeq = after === undefined ? undefined : seqOf(after, id);
    if (after !== undefined && afterSeq === undefined) throw badAfter(after);
    const page = await this.completions.messages(id, { order, afterSeq, limit });
    return toCursorPage(
      page.rows.map((message) => toMessageObject(message, id)),
      page.hasMore,
    );
  }

  private async find(accountId: string, id: string): Promise<StoredCompletion | undefined> {
    return COMPLETION_ID.test(id) ? this.completions.find(accountId, id) : undefined;
  }
}

function toCompletionObject({ answer, metadata, requestId }: StoredCompletion): StoredCompletionObject {
  return { ...(JSON.parse(answer) as StoredCompletionObject), metadata, request_id: requestId };
}

/** Messages are known by their number, from 0. */
function toMessageObject({ seq, message }: StoredMessage, completionId: string): StoredMessageObject {
  const { role, content = null, name = null, refusal = null, ...others } = message;
  const { reasoning_content: reasoning, tool_calls, tool_call_id, function_call, audio } = others;
  const inParts = Array.isArray(content);
  return {
    id: `${completionId}-${seq - 1}`,
    role,
    content: inParts ? null : content,
    content_parts: inParts ? content : null,
    name,
    refusal,
    ...(typeof reasoning === 'string' && { reasoning_content: reasoning }),
    ...(tool_calls !== undefined && { tool_calls }),
    ...(tool_call_id !== undefined && { tool_call_id }),
    ...(function_call && { function_call }),
    ...(audio && { audio }),
  };
}

function seqOf(messageId: string, completionId: string): number | undefined {
  const number = messageId.startsWith(`${completionId}-`) ? messageId.slice(completionId.length + 1) : '';
  return /^\d{1,9}$/.test(number) ? Number(number) + 1 : undefined;
}

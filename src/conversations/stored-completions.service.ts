import { Injectable } from '@nestjs/common';
import { jsonBuffers, textBuffers } from '../common/json-in-slices.js';
import type { Principal } from '../common/principal.js';
import type {
  StoredCompletionDeleted,
  StoredCompletionObject,
  StoredMessageObject,
} from '../contracts/openai/stored-completion.dto.js';
import type { Found } from './conversation-items.service.js';
import type { StoredMessage } from './conversation.js';
import { thoughts } from '../surfaces/chat-answer.js';
import { CompletionNotFoundError } from './conversations.errors.js';
import { refuseWhereNothingIsStored } from './conversations.service.js';
import { badAfter, DEFAULT_LIMIT, toCursorPage, type CursorPage, type CursorPageDto } from './cursor-page.js';
import { ErasureRepository } from './erasure.repository.js';
import type { StoredCompletion } from './stored-completion.js';
import { PAGE_BYTES } from './stored-message.repository.js';
import { StoredCompletionRepository } from './stored-completion.repository.js';
import type { CompletionChangesDto, CompletionListDto } from './stored-completions.dto.js';

/** Ids as answers have them; nothing else can be the id of one. */
const COMPLETION_ID = /^chatcmpl-[0-9a-z]{1,64}$/;

/** Longer answers are sent as they are stored. Characters. */
const LONG = 256 * 1024;

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
  async findPage(
    { accountId }: Principal,
    { model, metadata, after, limit = DEFAULT_LIMIT, order = 'asc' }: CompletionListDto,
  ): Promise<Found<CursorPage<StoredCompletionObject> | Buffer[]>> {
    const last =
      after === undefined || !COMPLETION_ID.test(after)
        ? undefined
        : await this.completions.findPosition(accountId, after);
    if (after !== undefined && last === undefined) throw badAfter(after);
    const open = async (): Promise<CursorPage<StoredCompletionObject> | Buffer[]> => {
      const page = { order, after: last, limit };
      const { rows, hasMore } = await this.completions.list(accountId, { model, metadata }, page);
      const chars = rows.reduce((sum, { answer }) => sum + answer.length, 0);
      return chars > LONG ? pagePieces(rows, hasMore) : toCursorPage(rows.map(toCompletionObject), hasMore);
    };
    // What is on the page is known when it is read.
    return { octets: PAGE_BYTES, open };
  }

  /** @throws CompletionNotFoundError */
  async findOne({ accountId }: Principal, id: string): Promise<Found<StoredCompletionObject | Buffer[]>> {
    const octets = COMPLETION_ID.test(id) ? await this.completions.findBytes(accountId, id) : undefined;
    if (octets === undefined) throw new CompletionNotFoundError();
    return { octets, open: async () => shown(await this.find(accountId, id)) };
  }

  /** @throws NothingStoredError, CompletionNotFoundError */
  async change(
    principal: Principal,
    id: string,
    { metadata }: CompletionChangesDto,
  ): Promise<Found<StoredCompletionObject | Buffer[]>> {
    refuseWhereNothingIsStored(principal);
    const { accountId } = principal;
    if (metadata !== undefined && COMPLETION_ID.test(id)) {
      const changed = await this.completions.changeMetadata(accountId, id, metadata);
      if (!changed) throw new CompletionNotFoundError();
    }
    return this.findOne(principal, id);
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
  ): Promise<Found<CursorPage<StoredMessageObject>>> {
    const there =
      COMPLETION_ID.test(id) && (await this.completions.findPosition(accountId, id)) !== undefined;
    if (!there) throw new CompletionNotFoundError();
    const afterSeq = after === undefined ? undefined : seqOf(after, id);
    if (after !== undefined && afterSeq === undefined) throw badAfter(after);
    const request = { order, afterSeq, limit };
    const open = async (): Promise<CursorPage<StoredMessageObject>> => {
      const page = await this.completions.messages(id, request);
      return toCursorPage(
        page.rows.map((message) => toMessageObject(message, id)),
        page.hasMore,
      );
    };
    return { octets: await this.completions.messagesBytes(id, request), open };
  }

  private async find(accountId: string, id: string): Promise<StoredCompletion | undefined> {
    return COMPLETION_ID.test(id) ? this.completions.find(accountId, id) : undefined;
  }
}

/** @throws CompletionNotFoundError: it was erased meanwhile */
async function shown(completion: StoredCompletion | undefined): Promise<StoredCompletionObject | Buffer[]> {
  if (completion === undefined) throw new CompletionNotFoundError();
  return completion.answer.length > LONG ? completionPieces(completion) : toCompletionObject(completion);
}

/** As what is rendered has it: nothing comes after its metadata. */
const METADATA = ',"metadata":{';

/**
 * A completion as JSON in pieces, without reading an answer of megabytes only to write it again: that its metadata and its
 * request follow on what was answered. Within its texts quotes are escaped, so the last of these names is none of them.
 */
async function completionPieces({ answer, metadata, requestId }: Answered): Promise<Buffer[]> {
  const end = answer.lastIndexOf(METADATA);
  if (end === -1) return jsonBuffers(toCompletionObject({ answer, metadata, requestId }));
  const rest = `,"metadata":${JSON.stringify(metadata)},"request_id":${JSON.stringify(requestId)}}`;
  return [...(await textBuffers(answer.slice(0, end))), Buffer.from(rest)];
}

/** A page of them as JSON, each as `completionPieces`. */
async function pagePieces(completions: readonly StoredCompletion[], hasMore: boolean): Promise<Buffer[]> {
  const { first_id, last_id, has_more } = toCursorPage([...completions], hasMore);
  const pieces: Buffer[] = [Buffer.from('{"object":"list","data":[')];
  for (const [index, completion] of completions.entries()) {
    if (index > 0) pieces.push(Buffer.from(','));
    pieces.push(...(await completionPieces(completion)));
  }
  pieces.push(Buffer.from(`],${JSON.stringify({ first_id, last_id, has_more }).slice(1)}`));
  return pieces;
}

type Answered = Pick<StoredCompletion, 'answer' | 'metadata' | 'requestId'>;

function toCompletionObject({ answer, metadata, requestId }: Answered): StoredCompletionObject {
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
    ...(typeof reasoning === 'string' && thoughts(reasoning)),
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

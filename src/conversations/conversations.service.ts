import { Injectable } from '@nestjs/common';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { Clock } from '../common/clock/clock.js';
import type { PagePosition } from '../common/page.js';
import type { Principal } from '../common/principal.js';
import type { ConversationDeleted, ConversationObject } from '../contracts/openai/conversation.dto.js';
import { ConversationRepository } from './conversation.repository.js';
import type { Conversation, ListedConversation } from './conversation.js';
import type { ConversationChangesDto, ConversationListDto, NewConversationDto } from './conversations.dto.js';
import {
  AmbiguousConversationError,
  ConversationNotFoundError,
  NothingStoredError,
} from './conversations.errors.js';
import { ErasureRepository } from './erasure.repository.js';
import { badAfter, DEFAULT_LIMIT, toCursorPage, type CursorPage } from './cursor-page.js';
import { toMessages } from './input-items.js';

/** An account's conversations, as those who may read them see and change them. */
@Injectable()
export class ConversationsService {
  constructor(
    private readonly records: ConversationRepository,
    private readonly erasure: ErasureRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * @param id `conv_…`, or the `conversation_id` as the client knows it
   * @throws ConversationNotFoundError, AmbiguousConversationError
   */
  async get(accountId: string, id: string): Promise<Conversation> {
    const found = await this.records.find(accountId, await this.idOf(accountId, id));
    if (found === undefined) throw new ConversationNotFoundError();
    return found;
  }

  /** @throws NothingStoredError */
  async create(
    principal: Principal,
    { items = [], metadata, title }: NewConversationDto,
  ): Promise<ConversationObject> {
    refuseWhereNothingIsStored(principal);
    return toConversationObject(
      await this.records.create({
        accountId: principal.accountId,
        title: title === '' ? undefined : title,
        metadata,
        messages: toMessages(items),
        atMs: this.clock.nowMs(),
      }),
    );
  }

  /** @throws ValidationFailedError for an `after` that is no conversation of the account's */
  async list(
    { accountId }: Principal,
    { chatbot, limit = DEFAULT_LIMIT, after, order }: ConversationListDto,
  ): Promise<CursorPage<ConversationObject>> {
    const page = await this.records.list(
      accountId,
      { chatbotId: chatbot, order },
      { limit, after: after === undefined ? undefined : await this.positionOf(accountId, after) },
    );
    return toCursorPage(page.rows.map(toConversationObject), page.hasMore);
  }

  /** @throws NothingStoredError, ConversationNotFoundError, AmbiguousConversationError */
  async change(
    principal: Principal,
    id: string,
    { metadata, title }: ConversationChangesDto,
  ): Promise<ConversationObject> {
    refuseWhereNothingIsStored(principal);
    const { accountId } = principal;
    const changes = { metadata, title: title === '' ? null : title };
    const changed = await this.records.changeHead(accountId, await this.idOf(accountId, id), changes);
    if (changed === undefined) throw new ConversationNotFoundError();
    return toConversationObject(changed);
  }

  /**
   * Erases it with all its messages, also one that cannot be opened; a turn that is going on ends well and leaves
   * nothing.
   * @throws ConversationNotFoundError, AmbiguousConversationError
   */
  async erase({ accountId }: Principal, id: string): Promise<ConversationDeleted> {
    const itsId = await this.idOf(accountId, id);
    if (!(await this.erasure.erase(accountId, itsId, 'conversation'))) throw new ConversationNotFoundError();
    return { id: itsId, object: 'conversation.deleted', deleted: true };
  }

  /**
   * @returns its `conv_…` id
   * @throws ConversationNotFoundError, AmbiguousConversationError
   */
  private async idOf(accountId: string, id: string): Promise<string> {
    const [found, ...others] = await this.records.listIdsNamed(accountId, id, 2);
    if (found === undefined) throw new ConversationNotFoundError();
    if (others.length > 0) throw new AmbiguousConversationError();
    return found;
  }

  private async positionOf(accountId: string, after: string): Promise<PagePosition> {
    const found = CONVERSATION_ID.test(after) ? await this.records.findPosition(accountId, after) : undefined;
    if (found === undefined) throw badAfter(after);
    return found;
  }
}

const CONVERSATION_ID = /^conv_[0-9a-f]{32}$/;

/** @throws NothingStoredError */
export function refuseWhereNothingIsStored({ conversationRetentionDays }: Principal): void {
  if (conversationRetentionDays === 0) throw new NothingStoredError();
}

export function toConversationObject(conversation: ListedConversation): ConversationObject {
  const { head } = conversation;
  return {
    id: conversation.id,
    object: 'conversation',
    created_at: unixSeconds(conversation.createdAtMs),
    metadata: head?.metadata ?? {},
    title: head?.title ?? null,
    chatbot: conversation.chatbotId ?? null,
    model: conversation.model ?? null,
    conversation_id: conversation.clientId,
    messages: conversation.messageCount,
    turns: conversation.turnCount,
    updated_at: unixSeconds(conversation.updatedAtMs),
    summary: head?.summary?.text ?? null,
    ...(head === undefined && { unreadable: true }),
  };
}

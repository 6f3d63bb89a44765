import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { seqOfMessageId } from '../common/ids/ids.js';
import { roughJsonLength } from '../common/json-in-slices.js';
import { Clock } from '../common/clock/clock.js';
import type { Principal } from '../common/principal.js';
import type { ConversationItem } from '../contracts/openai/conversation-item.dto.js';
import { MAX_STORED_MESSAGES } from '../contracts/validation/limits.js';
import type { ConversationObject } from '../contracts/openai/conversation.dto.js';
import { customCallsOf, messageIdOf, toItems, withoutItem } from './conversation-items.js';
import { ConversationRepository } from './conversation.repository.js';
import { ConversationLockService } from './conversation-lock.service.js';
import type { Conversation, StoredMessage } from './conversation.js';
import type { NewItemsDto } from './conversations.dto.js';
import { ConversationNotFoundError, ItemNotFoundError } from './conversations.errors.js';
import {
  ConversationsService,
  refuseWhereNothingIsStored,
  toConversationObject,
} from './conversations.service.js';
import { badAfter, DEFAULT_LIMIT, toCursorPage, type CursorPage, type CursorPageDto } from './cursor-page.js';
import { ErasureRepository } from './erasure.repository.js';
import { toMessages } from './input-items.js';
import { StoredMessageRepository } from './stored-message.repository.js';

/** Messages read at a time to find the one whose call a result answers. */
const LOOK_BACK = 16;
/** No turn stores more; only items that were put in one by one can have more results in a row. */
const MOST_LOOKED_BACK = MAX_STORED_MESSAGES;

/** What is there, and is opened only where it is shown. */
export interface Found<T> {
  /** As it is stored. */
  readonly octets: number;
  readonly open: () => Promise<T>;
}

/** The items of a conversation: stored messages, each as one or more of them. */
@Injectable()
export class ConversationItemsService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly records: ConversationRepository,
    private readonly messages: StoredMessageRepository,
    private readonly turns: ConversationLockService,
    private readonly erasure: ErasureRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Newest first unless said otherwise. Goes on after an item that was deleted meanwhile as if it were there: of `after`
   * only the place that it tells counts, so that any id in the form of an item's is taken, also one of another
   * conversation. A page may have fewer items than asked for where they are very long.
   *
   * @throws ConversationNotFoundError, AmbiguousConversationError; ValidationFailedError for an `after` in another form
   */
  async findPage(
    { accountId }: Principal,
    conversationId: string,
    { after, limit = DEFAULT_LIMIT, order = 'desc' }: CursorPageDto,
  ): Promise<Found<CursorPage<ConversationItem>>> {
    const conversation = await this.conversations.get(accountId, conversationId);
    const afterMessageId = after === undefined ? undefined : (messageIdOf(after) ?? '');
    const afterSeq = afterMessageId === undefined ? undefined : seqOfMessageId(afterMessageId);
    if (after !== undefined && afterSeq === undefined) throw badAfter(after);
    const request = { order, afterSeq, limit };
    const open = async (): Promise<CursorPage<ConversationItem>> => {
      const anchor =
        afterMessageId === undefined
          ? undefined
          : await this.messages.find(accountId, conversation.id, afterMessageId);
      const page = await this.messages.list(conversation.id, request);
      const messages = anchor === undefined ? page.rows : [anchor, ...page.rows];
      const customCalls = await this.customCalls(conversation, messages);
      const inOrder = messages.flatMap((message) => {
        const items = toItems(message, customCalls);
        return order === 'asc' ? items : items.toReversed();
      });
      // Not there any more: -1, so the rest of its message comes again rather than be lost.
      const items = inOrder.slice(inOrder.findIndex(({ id }) => id === after) + 1);
      return toCursorPage(items.slice(0, limit), items.length > limit || page.hasMore);
    };
    const anchorOctets =
      afterMessageId === undefined
        ? 0
        : ((await this.messages.findBytes(accountId, conversation.id, afterMessageId)) ?? 0);
    const octets = anchorOctets + (await this.messages.pageBytes(conversation.id, request));
    return { octets, open };
  }

  /** @throws ConversationNotFoundError, AmbiguousConversationError, ItemNotFoundError */
  async find(
    { accountId }: Principal,
    conversationId: string,
    itemId: string,
  ): Promise<Found<ConversationItem>> {
    const conversation = await this.conversations.get(accountId, conversationId);
    const messageId = messageIdOf(itemId) ?? '';
    const octets = await this.messages.findBytes(accountId, conversation.id, messageId);
    if (octets === undefined) throw new ItemNotFoundError();
    const open = async (): Promise<ConversationItem> => {
      const message = await this.messages.find(accountId, conversation.id, messageId);
      if (message === undefined) throw new ItemNotFoundError();
      const items = toItems(message, await this.customCalls(conversation, [message]));
      const item = items.find(({ id }) => id === itemId);
      if (item === undefined) throw new ItemNotFoundError();
      return item;
    };
    return { octets, open };
  }

  /**
   * Puts items at the end.
   * @throws NothingStoredError, ConversationNotFoundError, AmbiguousConversationError, ExclusiveUseError
   */
  async add(
    principal: Principal,
    conversationId: string,
    { items }: NewItemsDto,
  ): Promise<{ readonly octets: number; readonly items: CursorPage<ConversationItem> }> {
    refuseWhereNothingIsStored(principal);
    const conversation = await this.conversations.get(principal.accountId, conversationId);
    const added = await this.records.addMessages(
      principal.accountId,
      conversation.id,
      toMessages(items),
      this.clock.nowMs(),
      this.turns.refuseDuring(conversation),
    );
    if (added === undefined) throw new ConversationNotFoundError();
    const customCalls = await this.customCalls(conversation, added);
    const shown = added.flatMap((message) => toItems(message, customCalls));
    return { octets: roughJsonLength(shown, Infinity), items: toCursorPage(shown, false) };
  }

  /**
   * @returns the conversation without the item
   * @throws ConversationNotFoundError, AmbiguousConversationError, ItemNotFoundError, ExclusiveUseError
   */
  async delete(
    { accountId }: Principal,
    conversationId: string,
    itemId: string,
  ): Promise<ConversationObject> {
    const conversation = await this.conversations.get(accountId, conversationId);
    const messageId = messageIdOf(itemId) ?? '';
    if ((await this.messages.findBytes(accountId, conversation.id, messageId)) === undefined)
      throw new ItemNotFoundError();
    await this.erasure.eraseMostAnswers(accountId, conversation);
    const left = await this.records.editMessage(
      accountId,
      conversation.id,
      messageId,
      (message) => {
        if (!toItems(message, new Set()).some(({ id }) => id === itemId)) throw new ItemNotFoundError();
        return withoutItem(message, itemId);
      },
      this.turns.refuseDuring(conversation),
      (trx) => this.erasure.eraseAnswers(trx, accountId, conversation),
    );
    if (left === undefined) throw new ItemNotFoundError();
    await this.erasure.purge();
    return toConversationObject(left);
  }

  /**
   * The custom tools' calls that results among these messages answer, or may have answered before the first of them. A
   * result further behind its call is taken for a function's.
   */
  private async customCalls(
    { id }: Conversation,
    messages: readonly StoredMessage[],
  ): Promise<ReadonlySet<string>> {
    const calls = customCallsOf(messages);
    let [oldest] = messages.toSorted((a, b) => a.seq - b.seq);
    // Results stand right after the message that calls.
    for (let looked = 0; oldest?.message.role === 'tool' && looked < MOST_LOOKED_BACK; looked += LOOK_BACK) {
      const before = await this.messages.list(id, {
        order: 'desc',
        afterSeq: oldest.seq,
        limit: LOOK_BACK,
      });
      for (const call of customCallsOf(before.rows)) calls.add(call);
      oldest = before.rows.find(({ message }) => message.role !== 'tool') ?? before.rows.at(-1);
      await nextTurn();
    }
    return calls;
  }
}

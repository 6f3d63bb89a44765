import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Principal } from '../common/principal.js';
import { attachment } from '../http/content-disposition.js';
import type { FileAnswer } from '../http/file-writer.service.js';
import { exportJson } from './conversation-export.js';
import { exportMarkdown } from './conversation-markdown.js';
import { ConversationRepository } from './conversation.repository.js';
import type { Conversation, StoredMessage } from './conversation.js';
import { ConversationChangedError, ConversationNotFoundError } from './conversations.errors.js';
import { ConversationsService, toConversationObject } from './conversations.service.js';
import { LargeAnswersService } from './large-answers.service.js';
import { StoredMessageRepository } from './stored-message.repository.js';

/** Read at a time; fewer where they are very long. */
const PAGE_MESSAGES = 100;

/** Whole conversations as files. */
@Injectable()
export class ConversationExportService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly records: ConversationRepository,
    private readonly messages: StoredMessageRepository,
    private readonly large: LargeAnswersService,
  ) {}

  /** @throws ConversationNotFoundError, AmbiguousConversationError */
  async export(
    { accountId }: Principal,
    requestId: string,
    id: string,
    format: 'json' | 'markdown',
  ): Promise<FileAnswer> {
    const conversation = await this.conversations.get(accountId, id);
    const wire = toConversationObject(conversation);
    const newest = await this.messages.list(conversation.id, { order: 'desc', limit: 1 });
    const messages = this.messagesOf(conversation, requestId, newest.rows[0]?.seq ?? 0);
    const { title } = conversation.head;
    return format === 'json'
      ? {
          contentType: 'application/json; charset=utf-8',
          disposition: attachment(title, conversation.id, '.json'),
          pieces: exportJson(wire, messages),
        }
      : {
          contentType: 'text/markdown; charset=utf-8',
          disposition: attachment(title, conversation.id, '.md'),
          pieces: exportMarkdown(wire, messages),
        };
  }

  /**
   * All messages through one; what is added meanwhile is not among them. Others get their turn after each page. However
   * many slow clients read, the pages that they hold in memory are bounded.
   *
   * @throws DomainError `overloaded` where too much is being read; ConversationNotFoundError when it is erased meanwhile, ConversationChangedError when a part of it is: what was
   *   read is not all there was
   */
  private async *messagesOf(
    { id, accountId, messageCount }: Conversation,
    requestId: string,
    throughSeq: number,
  ): AsyncGenerator<StoredMessage> {
    let afterSeq = 0;
    let told = 0;
    while (afterSeq < throughSeq) {
      const asked = { order: 'asc', afterSeq, limit: PAGE_MESSAGES } as const;
      const octets = await this.messages.pageBytes(id, asked);
      const release = await this.large.roomFor(requestId, accountId, octets);
      try {
        const page = await this.messages.list(id, asked);
        for (const message of page.rows) {
          if (message.seq > throughSeq) break;
          told += 1;
          yield message;
        }
        afterSeq = page.hasMore ? (page.rows.at(-1)?.seq ?? throughSeq) : throughSeq;
      } finally {
        release();
      }
      // A fast client takes page after page in one turn, and an embedded database answers in it too.
      await nextTurn();
    }
    if ((await this.records.find(accountId, id)) === undefined) throw new ConversationNotFoundError();
    if (told < messageCount) throw new ConversationChangedError();
  }
}

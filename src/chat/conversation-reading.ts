import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { MAX_MESSAGES } from '../contracts/validation/limits.js';
import type { ConversationScope, StoredMessage, Summary } from '../conversations/conversation.js';
import { MessageDigests } from '../conversations/message-digests.js';
import type { TurnRepository } from '../conversations/turn.repository.js';
import type { StoredMessageRepository } from '../conversations/stored-message.repository.js';
import { departsTooFar } from './chat.errors.js';
import { recogniseHistory } from './memory/resent-history.js';

/** Read with the conversation itself, in one statement. */
const FIRST_MESSAGES = 64;
/** Read at a time where more may be sent; other requests get their turn after each. */
const MORE_MESSAGES = 512;
/**
 * What a request goes on from may be so long, with a picture's megabytes; what is older is left out. Pictures cost few
 * tokens, so no context length bounds them. Bytes, about.
 */
const MOST_BYTES = 32 * 1024 * 1024;
/** And of so many messages, as many as a request may have: those that say next to nothing no context length bounds. */
const MOST_MESSAGES = MAX_MESSAGES;
/** They are deleted in the transaction of a charge, and others wait for theirs. */
const MOST_DEPARTING = MAX_MESSAGES;

/** A stored conversation as one request goes on from it: from its newest message backwards, as far as it is read. */
export class ConversationReading {
  private bytes: number;
  /** How many messages to read next: ever more, since all that is read is fitted anew each time. */
  private more = MORE_MESSAGES;

  private constructor(
    private readonly stored: Pick<StoredMessageRepository, 'list'>,
    readonly id: string,
    readonly version: number,
    /** Of the part that the request goes on from. */
    readonly messageCount: number,
    /** Digest of that part; `undefined`: not known. */
    readonly chain: string | undefined,
    /** What of the request is new. */
    readonly fresh: readonly ChatMessage[],
    /** Of what was compared. */
    readonly digests: MessageDigests,
    /** See `NewTurn`. */
    readonly departsAfterSeq: number | undefined,
    public summary: Summary | undefined,
    /** Those after the summary that are read, oldest first. */
    public messages: readonly StoredMessage[],
    /** Whether these are all after the summary. */
    public complete: boolean,
  ) {
    this.bytes = bytesOf(messages);
  }

  /**
   * @param usesSummary whether the conversation's summary, if it has one, stands for what it covers
   * @returns `undefined`: nothing is stored under this scope
   * @throws ValidationFailedError for a history that leaves the stored one too early
   */
  static async open(
    conversations: TurnRepository,
    stored: Pick<StoredMessageRepository, 'list'>,
    scope: ConversationScope,
    said: readonly ChatMessage[],
    usesSummary: boolean,
  ): Promise<ConversationReading | undefined> {
    const found = await conversations.recall(scope, FIRST_MESSAGES);
    if (found === undefined) return undefined;
    const { id, version, messageCount, head } = found.conversation;
    const newest = found.cut ? await newestPage(stored, id) : found.messages;
    const digests = new MessageDigests();
    const { fresh, kept, chain, departsAfterSeq } = await recogniseHistory(
      said,
      { messageCount, chain: head.chain, newest },
      {
        newest: (atMost) => newestOf(stored, id, atMost),
        oldest: async (afterSeq, limit) => (await stored.list(id, { order: 'asc', afterSeq, limit })).rows,
      },
      digests,
    );
    if (messageCount - kept > MOST_DEPARTING) throw departsTooFar(said, MOST_DEPARTING);
    const through = departsAfterSeq ?? Infinity;
    // One that covers what departs tells of something that is no longer so.
    const stands = usesSummary && head.summary !== undefined && head.summary.throughSeq <= through;
    const summary = stands ? head.summary : undefined;
    const covered = summary?.throughSeq ?? 0;
    const messages = newest.filter(({ seq }) => seq > covered && seq <= through);
    const uncovered = messageCount - (summary?.messages ?? 0);
    const reading = new ConversationReading(
      stored,
      id,
      version,
      kept,
      chain,
      fresh,
      digests,
      departsAfterSeq,
      summary,
      messages,
      uncovered <= newest.length,
    );
    // Whatever is new follows on something: a result of a tool on its call.
    while (reading.messages.every(({ message }) => message.role === 'tool')) {
      if (!(await reading.readOlder())) break;
    }
    return reading;
  }

  /** Reads messages before those that are read. @returns false when there are none, or there is room for none */
  async readOlder(): Promise<boolean> {
    const before = this.messages.length;
    const wanted = Math.min(before + this.more, MOST_MESSAGES);
    this.more *= 2;
    while (!this.complete && this.bytes < MOST_BYTES && this.messages.length < wanted) {
      await this.readPage();
      await nextTurn();
    }
    return this.messages.length > before;
  }

  private async readPage(): Promise<void> {
    const through = this.departsAfterSeq === undefined ? undefined : this.departsAfterSeq + 1;
    const page = await this.stored.list(this.id, {
      order: 'desc',
      afterSeq: this.messages[0]?.seq ?? through,
      limit: MORE_MESSAGES,
    });
    const older = page.rows.toReversed();
    this.bytes += bytesOf(older);
    const covered = this.summary?.throughSeq ?? 0;
    const uncovered = older.filter(({ seq }) => seq > covered);
    this.complete = !page.hasMore || uncovered.length < older.length;
    this.messages = [...uncovered, ...this.messages];
  }

  /** Goes on with a summary that covers more than the one before. */
  fold(summary: Summary): void {
    this.summary = summary;
    this.messages = this.messages.filter(({ seq }) => seq > summary.throughSeq);
  }
}

async function newestPage(
  stored: Pick<StoredMessageRepository, 'list'>,
  id: string,
): Promise<StoredMessage[]> {
  const page = await stored.list(id, { order: 'desc', limit: FIRST_MESSAGES });
  return page.rows.toReversed();
}

/** In order, so many as wanted; fewer where they are longer than a request may be. */
async function newestOf(
  stored: Pick<StoredMessageRepository, 'list'>,
  id: string,
  atMost: number,
): Promise<StoredMessage[]> {
  const newestFirst: StoredMessage[] = [];
  let bytes = 0;
  for (let hasMore = true; hasMore && newestFirst.length < atMost && bytes < MOST_BYTES;) {
    const page = await stored.list(id, {
      order: 'desc',
      afterSeq: newestFirst.at(-1)?.seq,
      limit: atMost - newestFirst.length,
    });
    newestFirst.push(...page.rows);
    bytes += bytesOf(page.rows);
    ({ hasMore } = page);
  }
  return newestFirst.toReversed();
}

/** What a model reads of them, and what they carry besides. */
function bytesOf(messages: readonly StoredMessage[]): number {
  let total = 0;
  for (const { message, bytes } of messages) {
    total += Array.isArray(message.content) ? JSON.stringify(message.content).length : bytes;
  }
  return total;
}

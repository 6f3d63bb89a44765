import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import type { ConversationScope, StoredMessage, Summary } from '../conversations/conversation.js';
import type { ConversationRepository } from '../conversations/conversation.repository.js';
import { recogniseHistory } from './memory/resent-history.js';

/** Read with the conversation itself, in one statement. */
const FIRST_MESSAGES = 64;
/** Read at a time where more may be sent. */
const MORE_MESSAGES = 512;

/** A stored conversation as one request goes on from it: from its newest message backwards, as far as it is read. */
export class ConversationReading {
  private constructor(
    private readonly conversations: ConversationRepository,
    readonly id: string,
    readonly version: number,
    /** Of the part that the request goes on from. */
    readonly messageCount: number,
    /** What of the request is new. */
    readonly fresh: readonly ChatMessage[],
    /** See `NewTurn`. */
    readonly departsAfterSeq: number | undefined,
    public summary: Summary | undefined,
    /** Those after the summary that are read, oldest first. */
    public messages: readonly StoredMessage[],
    /** Whether these are all after the summary. */
    public complete: boolean,
  ) {}

  /**
   * @param usesSummary whether the conversation's summary, if it has one, stands for what it covers
   * @returns `undefined`: nothing is stored under this scope
   */
  static async open(
    conversations: ConversationRepository,
    scope: ConversationScope,
    said: readonly ChatMessage[],
    usesSummary: boolean,
  ): Promise<ConversationReading | undefined> {
    const found = await conversations.recall(scope, FIRST_MESSAGES);
    if (found === undefined) return undefined;
    const { id, version, messageCount, head } = found.conversation;
    const known = { messageCount, chain: head.chain, newest: found.messages };
    const { fresh, recognised, departsAfterSeq } = await recogniseHistory(said, known, (atMost) =>
      conversations.listOldest(id, atMost),
    );
    const through = departsAfterSeq ?? Infinity;
    // One that covers what departs tells of something that is no longer so.
    const stands = usesSummary && head.summary !== undefined && head.summary.throughSeq <= through;
    const summary = stands ? head.summary : undefined;
    const covered = summary?.throughSeq ?? 0;
    const messages = found.messages.filter(({ seq }) => seq > covered && seq <= through);
    const readAll = found.messages.length >= messageCount;
    const reading = new ConversationReading(
      conversations,
      id,
      version,
      departsAfterSeq === undefined ? messageCount : recognised,
      fresh,
      departsAfterSeq,
      summary,
      messages,
      readAll || (found.complete && summary === head.summary),
    );
    // Whatever is new follows on something: a result of a tool on its call.
    if (messages.length === 0) await reading.readOlder();
    return reading;
  }

  /** Reads the messages before those that are read. @returns false when there are none */
  async readOlder(): Promise<boolean> {
    if (this.complete) return false;
    const before = this.messages[0]?.seq ?? (this.departsAfterSeq ?? Number.MAX_SAFE_INTEGER - 1) + 1;
    const older = await this.conversations.listBefore(this.id, before, MORE_MESSAGES);
    const covered = this.summary?.throughSeq ?? 0;
    const uncovered = older.filter(({ seq }) => seq > covered);
    this.complete = older.length < MORE_MESSAGES || uncovered.length < older.length;
    this.messages = [...uncovered, ...this.messages];
    return uncovered.length > 0;
  }

  /** Goes on with a summary that covers more than the one before. */
  fold(summary: Summary): void {
    this.summary = summary;
    this.messages = this.messages.filter(({ seq }) => seq > summary.throughSeq);
  }
}

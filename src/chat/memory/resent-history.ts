import type { ChatMessage, ChatRole } from '../../contracts/openai/chat-completion.js';
import { chainOver, EMPTY_CHAIN } from '../../conversations/chain.js';
import type { StoredMessage } from '../../conversations/conversation.js';
import { MessageDigests } from '../../conversations/message-digests.js';
import { overlapsOf, type Overlap } from './overlaps.js';

/** What is stored of a conversation, as a request finds it. */
export interface KnownHistory {
  readonly messageCount: number;
  /** `undefined`: not known. */
  readonly chain: string | undefined;
  /** The newest messages, oldest first; any number of them. */
  readonly newest: readonly StoredMessage[];
}

/** What a request's messages are to the conversation. */
export interface RecognisedHistory {
  /** Those to be added and answered; empty where the client sent nothing but what is stored. */
  readonly fresh: readonly ChatMessage[];
  /** How many before them are stored already. */
  readonly recognised: number;
  /** How many stored messages there are before what is new. */
  readonly kept: number;
  /** Their digest; `undefined`: not known. */
  readonly chain: string | undefined;
  /** As in `NewTurn`: what is stored after it is not part of the client's version; `undefined`: nothing departs. */
  readonly departsAfterSeq: number | undefined;
}

/** Reads more of what is stored, in order; fewer messages where they are long. */
export interface HistoryReads {
  newest(atMost: number): Promise<readonly StoredMessage[]>;
  /** None where there are no more. */
  oldest(afterSeq: number, atMost: number): Promise<readonly StoredMessage[]>;
}

/** Whoever sends one of these again tells a history; who only has something new to say does not. */
const ANSWERING: ReadonlySet<ChatRole> = new Set(['assistant', 'tool', 'function']);

/** A client that keeps a window may go back by so many messages. */
const GOES_BACK = 64;

/**
 * Tells the new messages of a request from those that its client sends again. In this order, by what the messages are:
 *
 * 1. All that is stored, and then something: what follows is new.
 * 2. No answer among them: all are new.
 * 3. The newest stored ones, with an answer among them, and then something (a client that sends a window): the same.
 * 4. The oldest stored ones, or any with a question and an answer among them, and then something else: the client went
 *    back (an edit, another try, a shorter history). Its version stands, from the first turn on that is not the same: a
 *    turn is kept whole or departs whole.
 * 5. All that is stored but its first message, or behind one that is not: the client tells another beginning. Its
 *    version stands as a whole.
 * 6. Anything else: all are new.
 *
 * Of 3 and 4 that one holds which recognises most; of equal ones that which deletes least.
 *
 * @param asked without `system` and `developer` messages
 * @param reads called only where what is at hand does not tell 3, 4 or 5
 * @param digests of what was read before, if there is any
 */
export async function recogniseHistory(
  asked: readonly ChatMessage[],
  known: KnownHistory,
  reads: HistoryReads,
  digests = new MessageDigests(),
): Promise<RecognisedHistory> {
  const { messageCount } = known;
  if (messageCount === 0) return new Asked(asked, [], digests).following(0, known);
  if (asked.length < messageCount && !answers(asked)) {
    return new Asked(asked, [], digests).following(0, known);
  }
  const request = new Asked(asked, await digests.read(asked), digests);
  if (request.chainOf(messageCount) === known.chain) return request.following(messageCount, known);
  if (!answers(asked)) return request.following(0, known);

  const atHand = known.newest.length === messageCount;
  const oldest = atHand ? known.newest : await oldestLike(request, reads);
  await digests.read(oldest.map(messageOf));
  const common = request.commonWith(oldest);
  const newest = await newestInReach(request, common, known, reads);
  const { atEnd, within } = overlapsOf(request.digests, await digests.read(newest.map(messageOf)));

  const window = answers(asked.slice(0, atEnd)) ? atEnd : 0;
  const inner = within && request.departingWithin(newest, within, known);
  const innerLength = inner && within ? within.length : 0;
  if (window > 0 && window >= common && window >= innerLength) return request.following(window, known);
  if (inner !== undefined && innerLength >= common) return inner;
  if (common > 0) return request.departing(oldest, common, known);
  if (newest.length === messageCount && request.tellsAnotherBeginning(newest)) return request.anew();
  return request.following(0, known);
}

/** The messages of a request, with their digests. */
class Asked {
  constructor(
    readonly messages: readonly ChatMessage[],
    readonly digests: readonly string[],
    readonly known: MessageDigests,
  ) {}

  /** Of its first messages; `null` where there are not so many. */
  chainOf(count: number): string | null {
    return count > this.digests.length ? null : chainOver(EMPTY_CHAIN, this.digests.slice(0, count));
  }

  /** How many messages are the first of both. */
  commonWith(stored: readonly StoredMessage[]): number {
    const most = Math.min(stored.length, this.digests.length);
    for (let i = 0; i < most; i += 1) {
      if (this.known.of(messageOf(stored[i] as StoredMessage)) !== this.digests[i]) return i;
    }
    return most;
  }

  following(recognised: number, { messageCount, chain }: KnownHistory): RecognisedHistory {
    // What is sent as a whole makes known again what was forgotten.
    const told = recognised === messageCount ? this.chainOf(recognised) : null;
    return {
      fresh: this.messages.slice(recognised),
      recognised,
      kept: messageCount,
      chain: chain ?? told ?? undefined,
      departsAfterSeq: undefined,
    };
  }

  /** @param common how many are the first stored ones; more than none */
  departing(oldest: readonly StoredMessage[], common: number, known: KnownHistory): RecognisedHistory {
    if (oldest[common] === undefined) return this.following(common, known);
    const kept = wholeTurns(oldest, common);
    return {
      fresh: this.messages.slice(kept),
      recognised: kept,
      kept,
      chain: this.chainOf(kept) ?? undefined,
      departsAfterSeq: oldest[kept - 1]?.seq ?? 0,
    };
  }

  /** @returns `undefined`: no question with its answer is the same, or no turn as a whole */
  departingWithin(
    newest: readonly StoredMessage[],
    { end, length }: Overlap,
    { messageCount }: KnownHistory,
  ): RecognisedHistory | undefined {
    const common = this.messages.slice(0, length);
    const turns = wholeTurns(newest, end);
    const recognised = turns - (end - length);
    if (recognised <= 0 || !answers(common) || common.every(answering)) return undefined;
    const before = newest.slice(0, turns);
    return {
      fresh: this.messages.slice(recognised),
      recognised,
      kept: messageCount - newest.length + turns,
      chain: newest.length === messageCount ? chainOver(EMPTY_CHAIN, this.digestsOf(before)) : undefined,
      departsAfterSeq: before.at(-1)?.seq ?? 0,
    };
  }

  /** Whether all that is stored follows on one message more, or another one than the first. */
  tellsAnotherBeginning(all: readonly StoredMessage[]): boolean {
    const { atEnd } = overlapsOf(this.digests.slice(1), this.digestsOf(all));
    return atEnd >= Math.max(1, all.length - 1) && answers(this.messages.slice(1, 1 + atEnd));
  }

  anew(): RecognisedHistory {
    return { fresh: this.messages, recognised: 0, kept: 0, chain: EMPTY_CHAIN, departsAfterSeq: 0 };
  }

  private digestsOf(stored: readonly StoredMessage[]): string[] {
    return stored.map((each) => this.known.of(messageOf(each)));
  }
}

/** How many of the first `count` messages there are in turns that the next message is not part of. */
function wholeTurns(stored: readonly StoredMessage[], count: number): number {
  const departs = stored[count];
  let kept = count;
  while (kept > 0 && stored[kept - 1]?.turn === departs?.turn) kept -= 1;
  return kept;
}

/** So many of the newest messages as the request can begin with, and those at hand. */
async function newestInReach(
  { digests, known: read }: Asked,
  common: number,
  { messageCount, newest }: KnownHistory,
  reads: HistoryReads,
): Promise<readonly StoredMessage[]> {
  const last = newest.at(-1);
  if (last === undefined || newest.length === messageCount) return newest;
  await read.read([last.message]);
  // A window reaches to the last message, or goes back from it; who tells all from the first on seldom keeps a window.
  const reach = common === 0 ? digests.length + GOES_BACK : digests.lastIndexOf(read.of(messageOf(last))) + 1;
  return reach > newest.length ? reads.newest(reach) : newest;
}

/** The stored messages that the request begins with, and one more; none where the first is another. */
async function oldestLike(request: Asked, reads: HistoryReads): Promise<readonly StoredMessage[]> {
  const { messages, digests, known } = request;
  const oldest: StoredMessage[] = [];
  // A client that sends a window says something else first: it costs one row, not as many as it sent.
  let next = await reads.oldest(0, 1);
  for (;;) {
    const rest = new Asked(messages.slice(oldest.length), digests.slice(oldest.length), known);
    await known.read(next.map(messageOf));
    const common = rest.commonWith(next);
    if (oldest.length + common === 0) return [];
    oldest.push(...next);
    const left = messages.length + 1 - oldest.length;
    if (common < next.length || left <= 0) return oldest;
    next = await reads.oldest(oldest.at(-1)?.seq ?? 0, left);
    if (next.length === 0) return oldest;
  }
}

function answers(messages: readonly ChatMessage[]): boolean {
  return messages.some(answering);
}

function answering({ role }: ChatMessage): boolean {
  return ANSWERING.has(role);
}

function messageOf({ message }: StoredMessage): ChatMessage {
  return message;
}

import type { ChatMessage, ChatRole } from '../../contracts/openai/chat-completion.js';
import { chainAfter, EMPTY_CHAIN, nextChain, sayTheSame } from '../../conversations/chain.js';
import type { StoredMessage } from '../../conversations/conversation.js';

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
  /** Digest of what is stored before what is new; `undefined`: not known. */
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

/**
 * Tells the new messages of a request from those that its client sends again. In this order, by what the messages are:
 *
 * 1. All that is stored, and then something: what follows is new.
 * 2. No answer among them: all are new.
 * 3. The newest stored ones, with an answer among them, and then something (a client that sends a window): the same.
 * 4. The oldest stored ones, and then something else: the client went back (an edit, another try, a shorter history).
 *    Its version stands, from the first turn on that is not the same: a turn is kept whole or departs whole.
 * 5. Anything else: all are new.
 *
 * Of 3 and 4 that one holds which recognises more; of equal ones 3, since it deletes nothing.
 *
 * @param asked without `system` and `developer` messages
 * @param reads called only for 3, where the window may be longer than what is at hand, and for 4
 */
export async function recogniseHistory(
  asked: readonly ChatMessage[],
  known: KnownHistory,
  reads: HistoryReads,
): Promise<RecognisedHistory> {
  const { messageCount } = known;
  if (messageCount === 0) return following(asked, 0, known);
  if (asked.length >= messageCount && chainOf(asked.slice(0, messageCount)) === known.chain) {
    return following(asked, messageCount, known);
  }
  if (!asked.some(({ role }) => ANSWERING.has(role))) return following(asked, 0, known);

  const newest = await newestInReach(asked, known, reads);
  const overlap = overlapOf(newest, asked);
  const beginning = newest.length === messageCount ? newest : await beginningLike(asked, reads);
  const common = commonLength(beginning, asked);
  return common > overlap ? departing(asked, beginning, common, known) : following(asked, overlap, known);
}

function following(
  asked: readonly ChatMessage[],
  recognised: number,
  { messageCount, chain }: KnownHistory,
): RecognisedHistory {
  return {
    fresh: asked.slice(recognised),
    recognised,
    // What is sent as a whole makes known again what was forgotten.
    chain: chain ?? (recognised === messageCount ? chainOf(asked.slice(0, recognised)) : undefined),
    departsAfterSeq: undefined,
  };
}

/** @param common how many of the asked messages are the first stored ones; more than none */
function departing(
  asked: readonly ChatMessage[],
  beginning: readonly StoredMessage[],
  common: number,
  known: KnownHistory,
): RecognisedHistory {
  const departs = beginning[common];
  if (departs === undefined) return following(asked, common, known);
  let kept = common;
  while (kept > 0 && beginning[kept - 1]?.turn === departs.turn) kept -= 1;
  return {
    fresh: asked.slice(kept),
    recognised: kept,
    chain: chainOf(asked.slice(0, kept)),
    departsAfterSeq: beginning[kept - 1]?.seq ?? 0,
  };
}

/** So many of the newest messages as the request can begin with, and those at hand. */
async function newestInReach(
  asked: readonly ChatMessage[],
  { messageCount, newest }: KnownHistory,
  reads: HistoryReads,
): Promise<readonly StoredMessage[]> {
  const last = newest.at(-1);
  if (last === undefined || newest.length === messageCount) return newest;
  // A window reaches to the last message; a client that says something else there costs no read.
  const reach = asked.findLastIndex((message) => sayTheSame(last.message, message)) + 1;
  return reach > newest.length ? reads.newest(reach) : newest;
}

/** The stored messages that `asked` begins with, and one more; none where the first is another. */
async function beginningLike(
  asked: readonly ChatMessage[],
  reads: HistoryReads,
): Promise<readonly StoredMessage[]> {
  const beginning: StoredMessage[] = [];
  // A client that sends a window says something else first: it costs one row, not as many as it sent.
  let next = await reads.oldest(0, 1);
  for (;;) {
    const common = commonLength(next, asked.slice(beginning.length));
    if (beginning.length + common === 0) return [];
    beginning.push(...next);
    const left = asked.length + 1 - beginning.length;
    if (common < next.length || left <= 0) return beginning;
    next = await reads.oldest(beginning.at(-1)?.seq ?? 0, left);
    if (next.length === 0) return beginning;
  }
}

function commonLength(stored: readonly StoredMessage[], asked: readonly ChatMessage[]): number {
  const most = Math.min(stored.length, asked.length);
  for (let i = 0; i < most; i += 1) {
    if (!sayTheSame((stored[i] as StoredMessage).message, asked[i] as ChatMessage)) return i;
  }
  return most;
}

/**
 * The most messages that are the last stored and the first asked ones alike; 0 where no answer is among them. By Knuth,
 * Morris and Pratt: linear, also for a conversation in which everybody always says the same.
 */
function overlapOf(newest: readonly StoredMessage[], asked: readonly ChatMessage[]): number {
  const pattern = asked.map(digest);
  const borders = bordersOf(pattern);
  let matched = 0;
  for (const { message } of newest.slice(-asked.length)) {
    matched = extended(pattern, borders, matched, digest(message));
  }
  return asked.slice(0, matched).some(({ role }) => ANSWERING.has(role)) ? matched : 0;
}

/** For each length of a beginning of `pattern`: the longest shorter beginning that it also ends with. */
function bordersOf(pattern: readonly string[]): number[] {
  const borders = [0, 0];
  for (const next of pattern.slice(1)) {
    borders.push(extended(pattern, borders, borders[borders.length - 1] as number, next));
  }
  return borders;
}

/** How much of `pattern` is matched after `next`, if `matched` was before. */
function extended(
  pattern: readonly string[],
  borders: readonly number[],
  matched: number,
  next: string,
): number {
  let length = matched;
  while (length > 0 && pattern[length] !== next) length = borders[length] as number;
  return pattern[length] === next ? length + 1 : 0;
}

function chainOf(messages: readonly ChatMessage[]): string {
  return chainAfter(EMPTY_CHAIN, messages);
}

function digest(message: ChatMessage): string {
  return nextChain(EMPTY_CHAIN, message);
}

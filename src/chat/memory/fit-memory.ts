import type { MemoryPolicy } from '../../common/memory-policy.js';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { messageBytes } from '../../contracts/openai/message-texts.js';
import type { StoredMessage, Summary } from '../../conversations/conversation.js';
import { promptTokensAtMost, TOKENS_PER_MESSAGE, type PromptMeasure } from '../../inference/prompt.js';
import { completedCalls, exchangesOf, type Exchange } from './exchanges.js';
import { PromptTooLongError } from './memory.errors.js';
import type { PromptBudget } from './prompt-budget.js';
import { SUMMARY_FRAME_TOKENS, summaryMessage, summaryTokens } from './summary-message.js';
import { storedTokensAtMost, type TokenTally } from './token-tally.js';

/** What there is to remember, and what it must share a prompt with. */
export interface MemoryDemand {
  readonly policy: MemoryPolicy;
  /** Messages that `summary` does not cover, oldest first. */
  readonly stored: readonly StoredMessage[];
  /** Whether no older ones were left out of `stored`. */
  readonly complete: boolean;
  /** Used by the policy `summary` alone. */
  readonly summary: Summary | undefined;
  /** Of all that is sent besides: instructions, tools, response format and the new messages. */
  readonly prompt: PromptMeasure;
  /** The new messages. */
  readonly fresh: readonly ChatMessage[];
  /** `undefined`: unknown, so all fits. */
  readonly budget: PromptBudget | undefined;
}

/** What is sent of a conversation. */
export interface FittedMemory {
  /** To be sent before `messages`. */
  readonly summary: ChatMessage | undefined;
  /** To be sent before the new messages. */
  readonly messages: readonly ChatMessage[];
  /** How many messages that is. */
  readonly sent: number;
  /** How many messages stand in the summary that is sent. */
  readonly summarised: number;
  /** Of the whole prompt: counted, or an upper bound where all fits by it. */
  readonly promptTokensAtMost: number;
  /** Whether that is an exact count. */
  readonly counted: boolean;
  /** Older messages than `stored`, if there are any, may fit as well, or are needed. */
  readonly roomForOlder: boolean;
  /**
   * What to fold into the summary first, oldest first: the rest then has room to grow. If it cannot be folded, this
   * memory is the one to send.
   */
  readonly toSummarise: readonly StoredMessage[] | undefined;
}

/** All that the policy remembers, or as much of it as fits. */
interface Selection {
  readonly summary: Summary | undefined;
  readonly exchanges: readonly Exchange[];
  /** Whether this is all that the policy remembers of what was read; a summary apart. */
  readonly whole: boolean;
  /** Of the whole prompt. */
  readonly tokens: number;
}

/** All that the policy remembers, measured in bytes. */
interface Wanted extends Selection {
  readonly pinned: Exchange | undefined;
  /** Whether older messages belong to `pinned`. */
  readonly pinnedLacksBeginning: boolean;
  /** The policy itself wants nothing older. */
  readonly enough: boolean;
}

/**
 * Decides what a model is reminded of. Exchanges go as a whole, the oldest first. The newest is shortened before it
 * goes: by its oldest calls with their results. The call that the new messages answer stays in any case, with its
 * question: neither the room for the answer nor the policy bounds what must be sent.
 *
 * Nothing is counted where all fits by its length in bytes; else the exact count decides.
 *
 * @throws PromptTooLongError when the prompt does not fit even without all that may be left out
 */
export async function fitMemory(demand: MemoryDemand, tally: TokenTally): Promise<FittedMemory> {
  const wanted = wantedBy(demand);
  const { budget, policy, stored } = demand;
  if (budget === undefined || wanted.tokens <= budget.withWholeAnswer) return fitted(demand, wanted, wanted);
  const promptTokens = await tally.ofPrompt(demand.prompt);
  const selection = await select(wanted, promptTokens, budget, tally);
  const memory = fitted(demand, wanted, selection);
  if (policy.kind !== 'summary' || selection.whole) return memory;
  const room = budget.tokens - promptTokens;
  const reserved = summaryTokens(budget.tokens) + SUMMARY_FRAME_TOKENS;
  return { ...memory, toSummarise: await foldable(stored, wanted.exchanges, room, reserved, tally) };
}

function wantedBy({ policy, stored, complete, fresh, summary, prompt }: MemoryDemand): Wanted {
  const { sendable, pinned, pinnedIsWhole } = exchangesOf(stored, complete, fresh);
  const all = pinned === undefined ? sendable : [...sendable, pinned];
  const most = policy.kind === 'none' ? 0 : policy.kind === 'turns' ? policy.turns : Infinity;
  const exchanges = all.slice(Math.max(0, all.length - Math.max(most, pinned === undefined ? 0 : 1)));
  const used = policy.kind === 'summary' ? summary : undefined;
  let tokens = promptTokensAtMost(prompt);
  if (used !== undefined) tokens += messageBytes(summaryMessage(used.text)) + TOKENS_PER_MESSAGE;
  for (const exchange of exchanges) for (const each of exchange) tokens += storedTokensAtMost(each);
  return {
    summary: used,
    exchanges,
    whole: true,
    tokens,
    pinned,
    pinnedLacksBeginning: pinned !== undefined && !pinnedIsWhole,
    enough: all.length >= most,
  };
}

/** By exact count: the pinned exchange, then the summary, then the other exchanges, the newest first. */
async function select(
  { summary, exchanges, pinned }: Wanted,
  promptTokens: number,
  { tokens: allowed, underWay, most }: PromptBudget,
  tally: TokenTally,
): Promise<Selection> {
  const answered =
    pinned && (await shortened(pinned, completedCalls(pinned, 'followed'), underWay - promptTokens, tally));
  let tokens = promptTokens + (answered?.tokens ?? 0);
  if (tokens > most) throw new PromptTooLongError(tokens, most);

  const summaryTokensUsed = summary === undefined ? 0 : await tally.ofMessage(summaryMessage(summary.text));
  const summaryFits = tokens + summaryTokensUsed <= allowed;
  if (summaryFits) tokens += summaryTokensUsed;

  const newestFirst = answered === undefined ? [] : [answered.exchange];
  let whole = answered?.whole ?? true;
  for (const exchange of exchanges.toReversed().slice(newestFirst.length)) {
    if (!whole) break;
    const room = allowed - tokens;
    const more =
      newestFirst.length === 0
        ? await shortened(exchange, completedCalls(exchange, 'any'), room, tally)
        : { exchange, tokens: await tokensOf(exchange, tally), whole: true };
    whole = more.whole && more.tokens <= room;
    if (more.tokens > room) break;
    tokens += more.tokens;
    newestFirst.push(more.exchange);
  }
  return {
    summary: summaryFits ? summary : undefined,
    exchanges: newestFirst.toReversed(),
    whole,
    tokens,
  };
}

/** Without the oldest of `calls`: so many that the rest fits, or all, if even then it does not. */
async function shortened(
  exchange: Exchange,
  calls: readonly Exchange[],
  room: number,
  tally: TokenTally,
): Promise<{ exchange: Exchange; tokens: number; whole: boolean }> {
  let tokens = await tokensOf(exchange, tally);
  if (tokens <= room) return { exchange, tokens, whole: true };
  const left = new Set<StoredMessage>();
  for (const call of calls) {
    if (tokens <= room) break;
    tokens -= await tokensOf(call, tally);
    for (const message of call) left.add(message);
  }
  return { exchange: exchange.filter((message) => !left.has(message)), tokens, whole: false };
}

/**
 * The oldest messages, so many that what remains takes half of the room that a summary leaves. The last exchange
 * remains. Nothing where a summary would take more room than it could give.
 */
async function foldable(
  stored: readonly StoredMessage[],
  exchanges: readonly Exchange[],
  room: number,
  reserved: number,
  tally: TokenTally,
): Promise<readonly StoredMessage[] | undefined> {
  if (room < reserved * 2) return undefined;
  let left = (room - reserved) / 2;
  let kept = exchanges.length;
  do {
    kept -= 1;
    left -= await tokensOf(exchanges[kept] as Exchange, tally);
  } while (kept > 0 && left - (await tokensOf(exchanges[kept - 1] as Exchange, tally)) >= 0);
  const firstKept = exchanges[kept]?.[0]?.seq ?? 0;
  const older = stored.filter(({ seq }) => seq < firstKept);
  return older.length === 0 ? undefined : older;
}

async function tokensOf(exchange: Exchange, tally: TokenTally): Promise<number> {
  let tokens = 0;
  for (const each of exchange) tokens += await tally.ofStored(each);
  return tokens;
}

function fitted({ complete }: MemoryDemand, wanted: Wanted, selection: Selection): FittedMemory {
  const { summary: used, exchanges, whole, tokens } = selection;
  const messages = exchanges.flatMap((exchange) => exchange.map(({ message }) => message));
  const summarised = used?.messages ?? 0;
  return {
    summary: used === undefined ? undefined : summaryMessage(used.text),
    messages,
    sent: messages.length,
    summarised,
    promptTokensAtMost: tokens,
    counted: selection !== wanted,
    roomForOlder: !complete && (wanted.pinnedLacksBeginning || (!wanted.enough && whole)),
    toSummarise: undefined,
  };
}

import type { MemoryPolicy } from '../../common/memory-policy.js';
import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { messageBytes } from '../../contracts/openai/message-texts.js';
import type { StoredMessage, Summary } from '../../conversations/conversation.js';
import { promptTokensAtMost, TOKENS_PER_MESSAGE, type PromptMeasure } from '../../inference/prompt.js';
import { exchangesOf, type Exchange } from './exchanges.js';
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
  /** To be sent after the chatbot's prompt. */
  readonly summary: ChatMessage | undefined;
  /** To be sent before the new messages. */
  readonly messages: readonly ChatMessage[];
  /** How many messages are sent, stand in the summary that is sent, and are neither. */
  readonly sent: number;
  readonly summarised: number;
  readonly dropped: number;
  /** Of the whole prompt: counted, or an upper bound where all fits by it. */
  readonly promptTokensAtMost: number;
  /** Older messages than `stored`, if there are any, may fit as well. */
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
  /** Of the whole prompt. */
  readonly tokens: number;
}

/** All that the policy remembers, measured in bytes. */
interface Wanted extends Selection {
  readonly pinned: Exchange | undefined;
  /** The policy itself wants nothing older. */
  readonly enough: boolean;
}

/**
 * Decides what a model is reminded of. Turns go as a whole, the oldest first; those between a call of a tool and its
 * answer go together. What the new messages answer stays in any case.
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
  const selection = await select(wanted, promptTokens, budget.tokens, tally);
  const memory = fitted(demand, wanted, selection);
  if (policy.kind !== 'summary' || selection.exchanges.length === wanted.exchanges.length) return memory;
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
  const enough = all.length >= most && (pinned === undefined || pinnedIsWhole);
  return { summary: used, exchanges, tokens, pinned, enough };
}

/** By exact count: the pinned exchange, then the summary, then the other exchanges, the newest first. */
async function select(
  { summary, exchanges, pinned }: Wanted,
  promptTokens: number,
  allowed: number,
  tally: TokenTally,
): Promise<Selection> {
  let tokens = promptTokens + (pinned === undefined ? 0 : await tokensOf(pinned, tally));
  if (tokens > allowed) throw new PromptTooLongError(tokens, allowed);

  const summaryTokensUsed = summary === undefined ? 0 : await tally.ofMessage(summaryMessage(summary.text));
  const summaryFits = tokens + summaryTokensUsed <= allowed;
  if (summaryFits) tokens += summaryTokensUsed;

  let kept = exchanges.length - (pinned === undefined ? 0 : 1);
  while (kept > 0) {
    const more = await tokensOf(exchanges[kept - 1] as Exchange, tally);
    if (tokens + more > allowed) break;
    tokens += more;
    kept -= 1;
  }
  return { summary: summaryFits ? summary : undefined, exchanges: exchanges.slice(kept), tokens };
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

function fitted(
  { policy, stored, complete, summary }: MemoryDemand,
  wanted: Wanted,
  { summary: used, exchanges, tokens }: Selection,
): FittedMemory {
  const messages = exchanges.flatMap((exchange) => exchange.map(({ message }) => message));
  const summarised = used?.messages ?? 0;
  const covered = policy.kind === 'summary' ? (summary?.messages ?? 0) : 0;
  return {
    summary: used === undefined ? undefined : summaryMessage(used.text),
    messages,
    sent: messages.length,
    summarised,
    dropped: stored.length - messages.length + covered - summarised,
    promptTokensAtMost: tokens,
    roomForOlder: !complete && !wanted.enough && exchanges.length === wanted.exchanges.length,
    toSummarise: undefined,
  };
}

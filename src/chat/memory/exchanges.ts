import type { ChatMessage, ChatRole } from '../../contracts/openai/chat-completion.js';
import type { StoredMessage } from '../../conversations/conversation.js';

/**
 * Messages that cannot be sent without each other: a question, and as many turns as its calls of tools took to the
 * answer. A turn that a client brought a whole history with is many of them.
 */
export type Exchange = readonly StoredMessage[];

export interface Exchanges {
  /** Those that can be sent, oldest first, without `pinned`. */
  readonly sendable: readonly Exchange[];
  /** The last one, if the new messages answer its calls: sent in any case. */
  readonly pinned: Exchange | undefined;
  /** Whether `pinned` begins where it was begun; if not, older messages belong to it. */
  readonly pinnedIsWhole: boolean;
}

const RESULTS: ReadonlySet<ChatRole> = new Set(['tool', 'function']);

/**
 * Parts a history into exchanges. One whose calls and results do not fit together, because the client never answered
 * or a message was deleted, is left out: upstreams refuse all that is sent with it.
 *
 * @param stored oldest first
 * @param complete whether the first turn is known to be whole; if not, it is left out
 * @param fresh the messages that follow
 */
export function exchangesOf(
  stored: readonly StoredMessage[],
  complete: boolean,
  fresh: readonly ChatMessage[],
): Exchanges {
  const all = parted(stored);
  const last = all.at(-1);
  const pinned = last !== undefined && isAnsweredBy(fresh, last) ? last : undefined;
  const earlier = pinned === undefined ? all : all.slice(0, -1);
  const whole = complete ? earlier : earlier.slice(1);
  return {
    sendable: whole.filter((exchange) => openCalls(exchange)?.size === 0),
    pinned,
    pinnedIsWhole: complete || all.length > 1,
  };
}

function parted(stored: readonly StoredMessage[]): StoredMessage[][] {
  const exchanges: StoredMessage[][] = [];
  let turn: number | undefined;
  for (const each of stored) {
    const current = exchanges.at(-1);
    const { role } = each.message;
    const continues = each.turn === turn && !(role === 'user' && isAnswer(current?.at(-1)?.message));
    if (current !== undefined && (continues || RESULTS.has(role))) current.push(each);
    else exchanges.push([each]);
    turn = each.turn;
  }
  return exchanges;
}

function isAnswer(message: ChatMessage | undefined): boolean {
  return message?.role === 'assistant' && !message.tool_calls?.length && !message.function_call;
}

function isAnsweredBy(fresh: readonly ChatMessage[], exchange: Exchange): boolean {
  const [first] = fresh;
  if (first?.role === 'function') return Boolean(exchange.at(-1)?.message.function_call);
  return first?.role === 'tool' && openCalls(exchange)?.has(first.tool_call_id ?? '') === true;
}

/** Calls without a result at the end; `undefined`: calls and results before it do not fit together. */
function openCalls(exchange: Exchange): ReadonlySet<string> | undefined {
  let called: ReadonlySet<string> = new Set();
  let open = new Set<string>();
  for (const { message } of exchange) {
    if (message.role === 'tool') {
      if (!called.has(message.tool_call_id ?? '')) return undefined;
      open.delete(message.tool_call_id ?? '');
      continue;
    }
    if (open.size > 0) return undefined;
    called = new Set(message.tool_calls?.map(({ id }) => id));
    open = new Set(called);
  }
  return open;
}

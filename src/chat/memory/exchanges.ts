import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
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

/** What of an exchange cannot be parted: calls of tools with their results, or one other message. */
interface Part {
  readonly messages: StoredMessage[];
  readonly called: ReadonlySet<string>;
  /** Those of `called` that have no result. */
  readonly open: Set<string>;
}

/**
 * Parts a history into exchanges. Calls that do not have all their results, because the client never answered them or a
 * message was deleted, are left out, and so are results without their call: upstreams refuse all that is sent with them.
 * Only the calls that `fresh` answers may be open.
 *
 * @param stored oldest first
 * @param complete whether the first turn is known to be whole; if not, its first exchange is left out
 * @param fresh the messages that follow
 */
export function exchangesOf(
  stored: readonly StoredMessage[],
  complete: boolean,
  fresh: readonly ChatMessage[],
): Exchanges {
  const all = parted(stored).map(partsOf);
  const last = all.at(-1);
  const answered = fresh[0] && answeredBy(fresh[0]);
  const isPinned = answered !== undefined && last?.at(-1)?.called.has(answered) === true;
  const earlier = isPinned ? all.slice(0, -1) : all;
  const whole = complete ? earlier : earlier.slice(1);
  return {
    sendable: whole.map((parts) => joined(parts.filter(isComplete))).filter(({ length }) => length > 0),
    pinned: isPinned
      ? joined(last.filter((part, i) => isComplete(part) || i === last.length - 1))
      : undefined,
    pinnedIsWhole: complete || all.length > 1,
  };
}

/**
 * The calls of an exchange that have all their results, each with these, oldest first: it can be sent without them.
 * @param which `followed`: not the one that ends the exchange
 */
export function completedCalls(exchange: Exchange, which: 'any' | 'followed'): Exchange[] {
  const parts = partsOf(exchange);
  return (which === 'any' ? parts : parts.slice(0, -1))
    .filter((part) => part.called.size > 0 && isComplete(part))
    .map(({ messages }) => messages);
}

function parted(stored: readonly StoredMessage[]): StoredMessage[][] {
  const exchanges: StoredMessage[][] = [];
  let turn: number | undefined;
  for (const each of stored) {
    const current = exchanges.at(-1);
    const { message } = each;
    const begins = message.role === 'user' && isAnswer(current?.at(-1)?.message);
    const continues = (each.turn === turn && !begins) || answeredBy(message) !== undefined;
    if (current !== undefined && continues) current.push(each);
    else exchanges.push([each]);
    turn = each.turn;
  }
  return exchanges;
}

function isAnswer(message: ChatMessage | undefined): boolean {
  return message?.role === 'assistant' && calledBy(message).size === 0;
}

/** Without results that answer nothing before them. */
function partsOf(exchange: Exchange): Part[] {
  const parts: Part[] = [];
  for (const each of exchange) {
    const answered = answeredBy(each.message);
    if (answered === undefined) {
      const called = calledBy(each.message);
      parts.push({ messages: [each], called, open: new Set(called) });
      continue;
    }
    const calls = parts.at(-1);
    if (calls?.called.has(answered) !== true) continue;
    calls.messages.push(each);
    calls.open.delete(answered);
  }
  return parts;
}

function isComplete({ open }: Part): boolean {
  return open.size === 0;
}

function joined(parts: readonly Part[]): StoredMessage[] {
  return parts.flatMap(({ messages }) => messages);
}

/** A call of the deprecated kind has no id, and there is one at a time. */
const FUNCTION_CALL = 'function';

function calledBy({ tool_calls, function_call }: ChatMessage): Set<string> {
  const called = new Set(tool_calls?.map(({ id }) => `tool ${id}`));
  if (function_call) called.add(FUNCTION_CALL);
  return called;
}

/** Which call a result answers; `undefined`: it is no result. */
function answeredBy({ role, tool_call_id }: ChatMessage): string | undefined {
  if (role === 'function') return FUNCTION_CALL;
  return role === 'tool' ? `tool ${tool_call_id ?? ''}` : undefined;
}

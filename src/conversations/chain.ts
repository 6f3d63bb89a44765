import { createHash, hash, type Hash } from 'node:crypto';
import { canonicalJson } from '../common/canonical-json.js';
import { Slices } from '../common/slices.js';
import type { ChatMessage, ContentPart } from '../contracts/openai/chat-completion.js';
import { isWithinPair, plainText } from './plain-text.js';

/** The chain of a conversation without messages. */
export const EMPTY_CHAIN = '';

/** Longer arguments of tools are compared as they are written: to read a million empty objects takes a second. */
const MAX_READ_CHARS = 256 * 1024;

/** Deeper than any tool's arguments are in earnest; beyond it, reading them would be the attack. */
const MAX_DEPTH = 64;

/** Digested between two turns of the event loop: some milliseconds. */
const CHARS_PER_TURN = 128 * 1024;

/** Digested in one call; the rest is added piece by piece. */
const HASHED_AT_ONCE_CHARS = 16_384;

/** What a message costs beside its text. */
const CHARS_PER_MESSAGE = 64;

/** The chain of a conversation that goes on with some messages; unknown where the one before is. */
export function chainAfter<Chain extends string | undefined>(
  chain: Chain,
  messages: readonly ChatMessage[],
): Chain extends string ? string : string | undefined;
export function chainAfter(chain: string | undefined, messages: readonly ChatMessage[]): string | undefined {
  return chain === undefined ? undefined : chainOver(chain, messages.map(digestOf));
}

/** The same, of messages whose digests are known. */
export function chainOver<Chain extends string | undefined>(
  chain: Chain,
  digests: readonly string[],
): Chain extends string ? string : string | undefined;
export function chainOver(chain: string | undefined, digests: readonly string[]): string | undefined {
  return chain === undefined ? undefined : digests.reduce(nextChain, chain);
}

/**
 * The digest of a conversation that goes on with a message. Two histories have the same chain exactly if their messages
 * have the same digests.
 *
 * @param chain of the conversation before the message
 * @param digest of the message
 * @returns base64url, 43 characters
 */
export function nextChain(chain: string, digest: string): string {
  return hash('sha256', `${chain}\n${digest}`, 'base64url');
}

/**
 * The same for two messages exactly if they are one and the same, in whatever form a client library sends again what it
 * was given:
 *
 * - text as a string or as parts, absent, `null` or empty, with or without space around it;
 * - with line ends and composed letters of one kind or another;
 * - arguments of tools as the model wrote them, or parsed and written anew, up to 256 Ki characters a message;
 * - with or without what not every library sends back of an answer: refusal, reasoning, annotations, sound, a name.
 *
 * Takes time linear in the message, in one turn of the event loop: `digestsOf` is for what may be long.
 *
 * @returns base64url, 43 characters
 */
export function digestOf(message: ChatMessage): string {
  const digest = new Digest();
  for (const piece of canonical(message)) digest.add(piece);
  return digest.end();
}

/** The digests of messages, however long they are: others get their turn meanwhile. */
export async function digestsOf(messages: readonly ChatMessage[]): Promise<string[]> {
  const slices = new Slices(CHARS_PER_TURN);
  const digests: string[] = [];
  for (const message of messages) {
    const digest = new Digest();
    for (const piece of canonical(message)) {
      digest.add(piece);
      if (piece.length >= CHARS_PER_MESSAGE) await slices.after(piece.length);
    }
    digests.push(digest.end());
    await slices.after(CHARS_PER_MESSAGE);
  }
  return digests;
}

/** SHA-256 of text that comes in pieces. */
class Digest {
  private text = '';
  private before: Hash | undefined;

  add(piece: string): void {
    this.text += piece;
    if (this.text.length < HASHED_AT_ONCE_CHARS) return;
    this.before = (this.before ?? createHash('sha256')).update(this.text);
    this.text = '';
  }

  end(): string {
    return this.before === undefined
      ? hash('sha256', this.text, 'base64url')
      : this.before.update(this.text).digest('base64url');
  }
}

/** A JSON array, in pieces: of who speaks, what is said, and what is called or answered. */
function* canonical(message: ChatMessage): Generator<string> {
  const { role, content, name, tool_calls, tool_call_id, function_call } = message;
  yield `[${JSON.stringify(role)},`;
  yield* saidIn(content);
  if (name !== undefined && role !== 'assistant') yield `,${JSON.stringify({ name })}`;
  if (tool_call_id !== undefined) yield `,${JSON.stringify({ tool_call_id })}`;
  const maxReadChars = argumentChars(message) > MAX_READ_CHARS ? 0 : MAX_READ_CHARS;
  for (const call of tool_calls ?? []) {
    const head = `,[${JSON.stringify(call.id)},`;
    if (call.type === 'function') {
      yield `${head}${JSON.stringify(call.function.name)},`;
      yield* read(call.function.arguments, maxReadChars);
    } else {
      yield `${head}${JSON.stringify(call.custom.name)},`;
      yield* quoted(inPieces(call.custom.input));
    }
    yield ']';
  }
  if (function_call) {
    yield `,[${JSON.stringify(function_call.name)},`;
    yield* read(function_call.arguments, maxReadChars);
    yield ']';
  }
  yield ']';
}

function argumentChars({ tool_calls = [], function_call }: ChatMessage): number {
  let chars = function_call?.arguments.length ?? 0;
  for (const call of tool_calls) if (call.type === 'function') chars += call.function.arguments.length;
  return chars;
}

/** The text, or all parts where some are no text. */
function* saidIn(content: ChatMessage['content']): Generator<string> {
  if (typeof content === 'string') return yield* quoted(plainText(content));
  if (!content) return yield '""';
  if (content.some((part) => part.type !== 'text' && part.type !== 'refusal')) return yield* partsOf(content);
  return yield* quoted(plainText(content.map((part) => (part.type === 'text' ? part.text : '')).join('')));
}

function* partsOf(content: readonly ContentPart[]): Generator<string> {
  let separator = '[';
  for (const part of content) {
    yield separator;
    yield* inPieces(canonicalJson(part, MAX_DEPTH));
    separator = ',';
  }
  yield ']';
}

/** Arguments as a value; as they are where they are no JSON. None is how some models write no arguments. */
function* read(json: string, maxChars: number): Generator<string> {
  if (json.length > maxChars) return yield* quoted(inPieces(json));
  if (json.trim() === '') return yield '{}';
  let value: string;
  try {
    value = canonicalJson(JSON.parse(json), MAX_DEPTH);
  } catch {
    value = JSON.stringify(json);
  }
  return yield value;
}

/** A text in pieces as a JSON string in pieces. */
function* quoted(pieces: Iterable<string>): Generator<string> {
  yield '"';
  for (const piece of pieces) yield JSON.stringify(piece).slice(1, -1);
  yield '"';
}

function* inPieces(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = start + HASHED_AT_ONCE_CHARS;
    const whole = isWithinPair(text, end) ? end - 1 : end;
    yield text.slice(start, whole);
    start = whole;
  }
}

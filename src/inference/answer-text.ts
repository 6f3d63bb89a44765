import type { Usage } from '../contracts/openai/chat-completion.js';
import { renderUsage, type Bill } from '../surfaces/usage.js';
import type { Surface } from '../surfaces/surface.js';
import { AnswerTooLargeError } from './inference.errors.js';

/** Of one whole answer, as JSON. What an upstream sends as one may be as large. */
const MAX_ANSWER_CHARS = 64 * 1024 * 1024;

/** An entry of log probabilities as JSON, at least: its token, its number, its bytes. */
const LEAST_CHARS_OF_ENTRY = 50;

/** A whole answer as JSON text, ready but for its usage, which is known when it is charged. */
export class AnswerText {
  constructor(
    private readonly head: string,
    private readonly tail: string,
  ) {}

  with(usage: Usage, bill: Bill, surface: Surface): string {
    return this.head + JSON.stringify(renderUsage(usage, bill, surface)) + this.tail;
  }
}

/**
 * @param body the answer as the dialect says it; only its `usage` may still change
 * @throws AnswerTooLargeError
 */
export function answerText(body: Readonly<Record<string, unknown>>): AnswerText {
  const [before, after]: [string[], string[]] = [[], []];
  let members = before;
  const room = new Room();
  for (const [name, value] of Object.entries(body)) {
    if (name === 'usage') members = after;
    else if (value !== undefined) members.push(`${JSON.stringify(name)}:${room.textOf(value)}`);
  }
  const tail = after.map((member) => `,${member}`).join('');
  return new AnswerText(`{${before.map((member) => `${member},`).join('')}"usage":`, `${tail}}`);
}

/** Choices are written one by one: a text that is too long is not begun, or no more than a part of it. */
class Room {
  private left = MAX_ANSWER_CHARS;

  textOf(value: unknown): string {
    if (Array.isArray(value)) return `[${value.map((each) => this.textOf(each)).join(',')}]`;
    if (leastCharsOf(value) > this.left) throw new AnswerTooLargeError();
    const text = JSON.stringify(value) ?? 'null';
    this.left -= text.length;
    if (this.left < 0) throw new AnswerTooLargeError();
    return text;
  }
}

function leastCharsOf(choice: unknown): number {
  const { logprobs } = (choice ?? {}) as { logprobs?: { content?: Entries; refusal?: Entries } | null };
  return leastCharsOfEntries(logprobs?.content) + leastCharsOfEntries(logprobs?.refusal);
}

type Entries = readonly { readonly top_logprobs?: readonly unknown[] }[] | null;

/** All have as many alternatives as the first. */
function leastCharsOfEntries(entries: Entries | undefined): number {
  if (!Array.isArray(entries)) return 0;
  return entries.length * leastCharsOfToken((entries as NonNullable<Entries>)[0]?.top_logprobs?.length ?? 0);
}

/** Of a token with log probabilities, as JSON. @param alternatives that are told beside it */
export function leastCharsOfToken(alternatives: number): number {
  return LEAST_CHARS_OF_ENTRY * (1 + alternatives);
}

/**
 * Refuses before it is called, and set aside for, what could not be handed over in one piece.
 *
 * @param tokens of all choices, as many as the client has asked for
 * @throws AnswerTooLargeError
 */
export function refuseTooLarge(tokens: number, charsOfToken: number): void {
  if (tokens * charsOfToken > MAX_ANSWER_CHARS) throw new AnswerTooLargeError();
}

import type { Bill } from '../common/money/bill.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { AnswerTooLargeError } from './answer-too-large.error.js';
import type { Surface } from './surface.js';
import { renderUsage } from './usage.js';

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

/** No string of JSON has this in it: its quotes would be escaped. Of what could, only choices, which come before it. */
const PLACE = '"usage":0';

/**
 * @param body the answer as the dialect says it, `usage` behind `choices`; only its `usage` may still change
 * @throws AnswerTooLargeError
 */
export function answerText(body: Readonly<Record<string, unknown>>): AnswerText {
  const { choices } = body;
  let least = 0;
  if (Array.isArray(choices)) for (const choice of choices) least += leastCharsOf(choice);
  // A text that is certainly too long is not begun.
  if (least > MAX_ANSWER_CHARS) throw new AnswerTooLargeError();
  const text = jsonOf({ ...body, usage: 0 });
  if (text.length > MAX_ANSWER_CHARS) throw new AnswerTooLargeError();
  const place = text.lastIndexOf(PLACE) + PLACE.length;
  return new AnswerText(text.slice(0, place - 1), text.slice(place));
}

function jsonOf(body: unknown): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    // No string is as long.
    if (error instanceof RangeError) throw new AnswerTooLargeError();
    throw error;
  }
}

interface Choice {
  readonly text?: string | null;
  readonly message?: { readonly content?: string | null };
  readonly logprobs?: { readonly content?: Entries; readonly refusal?: Entries } | null;
}

function leastCharsOf(choice: unknown): number {
  const { text, message, logprobs } = choice as Choice;
  const words = (text?.length ?? 0) + (message?.content?.length ?? 0);
  if (!logprobs) return words;
  return words + leastCharsOfEntries(logprobs.content) + leastCharsOfEntries(logprobs.refusal);
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

import type { ChatCompletionRequest, ChatMessage } from '../contracts/openai/chat-completion.js';
import type { CompletionPrompt } from '../contracts/openai/completion.js';
import { collectTexts, TOKENS_PER_MEDIA_PART } from '../contracts/openai/message-texts.js';
import type { Model } from '../models/model.js';
import { mediaTokensOf, type MediaTokens } from './media/media-tokens.js';

/** What counts tokens: `TokenCounter`. */
export interface CountsTokens {
  count(texts: Iterable<string>): Promise<number>;
}

/** What a prompt consists of, for counting where an upstream does not and for bounding what it may claim. */
export interface PromptMeasure {
  /** All text that the upstream reads, in order. */
  readonly texts: readonly string[];
  /** And what it reads several times: it is measured once. */
  readonly repeated?: RepeatedTexts | undefined;
  /** Of all of it, as often as it is read. */
  readonly chars: number;
  /** Tokens that are not text: message framing, token-id prompts. */
  readonly extraTokens: number;
  /** Images, audio and files, whose tokens only the upstream knows. */
  readonly mediaParts: number;
  /** What they come to at the model that is asked; absent where there are none, and where no model is asked yet. */
  readonly media?: MediaTokens | undefined;
  /** How often it is read at most: upstreams that cannot give several answers at once read it once an answer. */
  readonly reads: number;
}

/** What stands around each of several prompts. */
export interface RepeatedTexts {
  readonly texts: readonly string[];
  readonly times: number;
}

/** Framing of one message, its role included, by OpenAI's published counting recipe (cookbook, read 2026-11-28). */
export const TOKENS_PER_MESSAGE = 4;
const TOKENS_PER_NAME = 1;
const TOKENS_PER_REPLY = 3;

/** Hidden system prompts and tool framing that some upstreams add and count. */
const UPSTREAM_ALLOWANCE_TOKENS = 8_192;

/** The same beside media, where it is held as well: templates and instructions of tools. */
const HELD_ALLOWANCE_TOKENS = 512;

/** @param model that is asked, for what its vendor makes of media; absent: a common picture stands for each part */
export function measureChat(request: ChatCompletionRequest, model?: Model): PromptMeasure {
  const texts: string[] = [];
  let mediaParts = 0;
  for (const message of request.messages) mediaParts += collectTexts(message, texts);
  if (request.tools !== undefined) texts.push(JSON.stringify(request.tools));
  if (request.functions !== undefined) texts.push(JSON.stringify(request.functions));
  if (request.response_format?.type === 'json_schema') texts.push(JSON.stringify(request.response_format));
  const framing = request.messages.reduce((sum, message) => sum + framingTokens(message), TOKENS_PER_REPLY);
  const prompt = measured(texts, framing, mediaParts, request.n ?? 1);
  const media = model && mediaTokensOf(request.messages, model);
  return media === undefined ? prompt : { ...prompt, media };
}

/** Of a message, beside its text. */
export function framingTokens({ name }: ChatMessage): number {
  return TOKENS_PER_MESSAGE + (name === undefined ? 0 : TOKENS_PER_NAME);
}

/**
 * @param repeated what is read beside the prompts
 * @param reads see `PromptMeasure`
 */
export function measureCompletion(
  prompt: CompletionPrompt,
  repeated: RepeatedTexts | undefined,
  reads: number,
): PromptMeasure {
  const texts: string[] = [];
  let ids = 0;
  if (typeof prompt === 'string') texts.push(prompt);
  else {
    for (const part of prompt) {
      if (typeof part === 'string') texts.push(part);
      else ids += typeof part === 'number' ? 1 : part.length;
    }
  }
  const prompts = measured(texts, ids, 0, reads);
  return repeated === undefined
    ? prompts
    : { ...prompts, repeated, chars: prompts.chars + charsOf(repeated.texts) * repeated.times };
}

/** A quick guess before the call, a little high for English: four characters a token. */
export function estimatePromptTokens(prompt: PromptMeasure): number {
  return Math.ceil(prompt.chars / 4) + uncountedPromptTokens(prompt);
}

/**
 * As many as prompts of most languages have at most, to set credit aside for: a third of a token for a Latin letter, one
 * for any other ASCII character and for those of Greek, Cyrillic, Hebrew and Arabic, two for any other. Some languages have
 * half as many more, and a text that is made for it has twice as many.
 *
 * Beside media all is held that an upstream will be believed: there a report may be far above any estimate.
 */
export function promptTokensToHold(prompt: PromptMeasure): number {
  if (prompt.media !== undefined) return textBytes(prompt) + tokensToHoldBesideText(prompt);
  return Math.ceil(summed(prompt, thirdsToHold) / 3) + uncountedPromptTokens(prompt);
}

/** In thirds of a token. */
function thirdsToHold(texts: readonly string[]): number {
  let thirds = 0;
  for (const text of texts) {
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (isLatin(unit)) thirds += 1;
      else thirds += unit < 0x700 ? 3 : 6;
    }
  }
  return thirds;
}

/** A letter or a space. */
function isLatin(unit: number): boolean {
  return (unit >= 97 && unit <= 122) || unit === 32 || (unit >= 65 && unit <= 90);
}

/** As `promptTokensToHold`, by count: for an account that has not as much. */
export async function countTokensToHold(prompt: PromptMeasure, counter: CountsTokens): Promise<number> {
  return (await countedTokens(prompt, counter)) + tokensToHoldBesideText(prompt);
}

/** Words of any language have more tokens than this. */
export function tokensToHoldAtLeast(prompt: PromptMeasure): number {
  return Math.floor(prompt.chars / 16) + (prompt.media === undefined ? 0 : tokensToHoldBesideText(prompt));
}

function tokensToHoldBesideText(prompt: PromptMeasure): number {
  if (prompt.media === undefined) return uncountedPromptTokens(prompt);
  return prompt.extraTokens * 2 + prompt.media.atMost + HELD_ALLOWANCE_TOKENS;
}

/**
 * The most that an upstream is believed to have read. Without media no honest tokenizer makes more of it than this: a
 * token is at least one of a character's up to four bytes. With media it is what is held.
 *
 * @param heldTokens for the prompt, as often as it may be read
 */
export function maxPromptTokens(prompt: PromptMeasure, heldTokens: number): number {
  if (prompt.media !== undefined) return heldTokens;
  const once = prompt.chars * 4 + prompt.extraTokens * 4 + UPSTREAM_ALLOWANCE_TOKENS;
  return once * prompt.reads;
}

/** A number that no exact count exceeds: each token is at least one byte of the text. */
export function promptTokensAtMost(prompt: PromptMeasure): number {
  return textBytes(prompt) + uncountedPromptTokens(prompt);
}

function textBytes(prompt: PromptMeasure): number {
  return summed(prompt, (texts) => texts.reduce((bytes, text) => bytes + Buffer.byteLength(text), 0));
}

/** Of one reading, exact but for what is not text. */
export async function countPromptTokens(prompt: PromptMeasure, counter: CountsTokens): Promise<number> {
  return (await countedTokens(prompt, counter)) + uncountedPromptTokens(prompt);
}

/** Of the text. */
export async function countedTokens(
  { texts, repeated }: PromptMeasure,
  counter: CountsTokens,
): Promise<number> {
  const once = await counter.count(texts);
  return repeated === undefined ? once : once + (await counter.count(repeated.texts)) * repeated.times;
}

/** Tokens beside the counted text. */
export function uncountedPromptTokens(prompt: PromptMeasure): number {
  return prompt.extraTokens + (prompt.media?.likely ?? prompt.mediaParts * TOKENS_PER_MEDIA_PART);
}

function measured(
  texts: readonly string[],
  extraTokens: number,
  mediaParts: number,
  reads: number,
): PromptMeasure {
  return { texts, chars: charsOf(texts), extraTokens, mediaParts, reads };
}

function charsOf(texts: readonly string[]): number {
  return texts.reduce((chars, text) => chars + text.length, 0);
}

function summed({ texts, repeated }: PromptMeasure, of: (texts: readonly string[]) => number): number {
  return of(texts) + (repeated === undefined ? 0 : of(repeated.texts) * repeated.times);
}

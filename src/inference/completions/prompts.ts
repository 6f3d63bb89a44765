import type { CompletionPrompt, CompletionRequest } from '../../contracts/openai/completion.js';
import { Slices } from '../../common/slices.js';
import { o200kBase, type O200kBase } from '../../common/tokens/o200k-base.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';
import { NO_PRESET, type ChatPreset } from './chat-preset.js';
import { choiceCount, messagesBefore, promptCount } from './chat-request.js';

/**
 * Longest text that one request may decode to or have echoed. A token id of a few bytes can stand for 128 characters,
 * and `n` repeats an echoed prompt: without a bound a small body would become gigabytes.
 */
const MAX_EXPANDED_CHARS = 16 * 1024 * 1024;

/**
 * Longest text that all calls of one request may be sent beside their prompts. A body of four kilobytes can name a
 * chatbot's prompt of a megabyte a thousand times.
 */
const MAX_REPEATED_CHARS = 64 * 1024 * 1024;

/**
 * The prompts of a request as text, in order; `number[]` is one prompt of token ids.
 *
 * Token ids are those of `o200k_base`, the encoding of OpenAI's current models. Control tokens stand for no text and
 * are refused, as an upstream that is sent text could not tell them from words.
 *
 * @throws UpstreamError `upstream_rejected_request` for an id that stands for no text, or an echo or what goes with each
 * prompt beyond all measure; `context_length_exceeded` for ids that decode to more text than any model reads
 */
export async function readPrompts(request: CompletionRequest, preset = NO_PRESET): Promise<string[]> {
  if (request.max_tokens !== 0) checkRepeated(request, preset);
  const prompts = await textsOf(request.prompt);
  if (request.echo === true) checkEcho(prompts, choiceCount(request));
  return prompts;
}

/** Decoded between two turns of the event loop: some milliseconds. */
const IDS_PER_TURN = 65_536;
const IDS_AT_ONCE = 8_192;

async function textsOf(prompt: CompletionPrompt): Promise<string[]> {
  if (typeof prompt === 'string') return [prompt];
  if (areTexts(prompt)) return prompt;
  const encoding = await o200kBase();
  const slices = new Slices(IDS_PER_TURN);
  const texts: string[] = [];
  let charsLeft = MAX_EXPANDED_CHARS;
  for (const ids of areTokenIds(prompt) ? [prompt] : prompt) {
    const text = await decode(ids, encoding, charsLeft, slices);
    charsLeft -= text.length;
    texts.push(text);
  }
  return texts;
}

// Requests come here validated, so the first item says what all are.
function areTexts(prompt: readonly unknown[]): prompt is string[] {
  return typeof prompt[0] === 'string';
}

function areTokenIds(prompt: readonly unknown[]): prompt is number[] {
  return typeof prompt[0] === 'number';
}

/** A prompt that ends within a character leaves nothing of it to the next one. */
async function decode(
  ids: readonly number[],
  encoding: O200kBase,
  maxChars: number,
  slices: Slices,
): Promise<string> {
  // Joined at each turn: a text that is added to two million times is put together at its first use, in one go.
  const texts: string[] = [];
  let chars = 0;
  const pieces: string[] = [];
  let bytes: number[] = [];
  for (const [index, id] of ids.entries()) {
    if (index % IDS_AT_ONCE === IDS_AT_ONCE - 1) {
      texts.push(pieces.join(''));
      pieces.length = 0;
      await slices.after(IDS_AT_ONCE);
    }
    const entry = encoding.read(id);
    if (entry === undefined) throw unknownToken(id);
    if (typeof entry !== 'string') {
      bytes.push(...entry);
      continue;
    }
    const piece = bytes.length > 0 ? Buffer.from(bytes).toString() + entry : entry;
    bytes = [];
    pieces.push(piece);
    chars += piece.length;
    if (chars > maxChars) throw tooLong();
  }
  await slices.after(ids.length % IDS_AT_ONCE);
  texts.push(...pieces, Buffer.from(bytes).toString());
  return texts.join('');
}

function checkEcho(prompts: readonly string[], n: number): void {
  const chars = prompts.reduce((sum, prompt) => sum + prompt.length, 0);
  if (chars * n <= MAX_EXPANDED_CHARS) return;
  throw new UpstreamError(
    'upstream_rejected_request',
    `The prompt is too long to be echoed ${n} times. Ask for fewer choices, or leave out 'echo'.`,
    { param: 'echo' },
  );
}

function checkRepeated({ prompt, suffix }: CompletionRequest, preset: ChatPreset): void {
  const times = promptCount(prompt);
  const around = messagesBefore(suffix, preset).reduce((sum, { content }) => sum + (content?.length ?? 0), 0);
  if (around * times <= MAX_REPEATED_CHARS) return;
  throw new UpstreamError(
    'upstream_rejected_request',
    `${times} prompts are too many for what each of them is sent with. Send fewer at once, or a shorter 'suffix'.`,
    { param: 'prompt' },
  );
}

function unknownToken(id: number): UpstreamError {
  return new UpstreamError(
    'upstream_rejected_request',
    `Invalid 'prompt': ${id} is not the id of a text token. Token ids are read in the o200k_base encoding.`,
    { param: 'prompt' },
  );
}

function tooLong(): UpstreamError {
  return new UpstreamError(
    'context_length_exceeded',
    'The prompt is longer than the context of any model: its tokens are too much text.',
    { param: 'prompt' },
  );
}

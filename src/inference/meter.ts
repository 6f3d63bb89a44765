import { believeReported, usageOf, type BelievedUsage } from '../billing/reported-usage.js';
import { MAX_COUNTED_CHARS, type TokenCounter } from '../billing/token-counter.js';
import { MAX_INT32 } from '../contracts/validation/limits.js';
import type { MeteredPart } from './endpoint.js';
import { countPromptTokens, maxPromptTokens, type PromptMeasure } from './prompt.js';
import { RelayedText } from './relayed-text.js';

/** Where neither request nor model names a limit, no believable answer is longer. */
const UNBOUNDED_COMPLETION_TOKENS = 2_000_000;

/** Nor is anything that is believed longer than what a row holds. */
const MOST_TOKENS = MAX_INT32;

/**
 * Watches one answer go by and tells at the end what it used. An upstream that breaks off or reports nothing is billed
 * by our own count of what was relayed.
 */
export class Meter {
  private readonly text = new RelayedText();
  private reported: unknown;
  private bytes = 0;
  private soundTokens = 0;
  private events = 0;
  /** Of the first choice that finished; one row has one. */
  finishReason: string | undefined;

  constructor(
    private readonly prompt: PromptMeasure,
    /** Asked at the end: what is held for the prompt may have been counted meanwhile. */
    private readonly heldPromptTokens: () => number,
    private readonly maxCompletionTokens: number | undefined,
  ) {}

  /** Whether the client has been given anything; until then an answer that breaks off costs nothing, whatever is reported. */
  get generated(): boolean {
    return this.text.chars > 0 || this.soundTokens > 0;
  }

  see(parts: Iterable<MeteredPart>, usage: unknown): void {
    for (const { text, finishReason, soundTokens } of parts) {
      if (soundTokens !== undefined) this.soundTokens += soundTokens;
      if (text !== '') {
        this.text.add(text);
        this.bytes += Buffer.byteLength(text);
        this.events += 1;
      }
      if (finishReason !== null) this.finishReason ??= finishReason;
    }
    if (usage !== undefined && usage !== null) this.reported = usage;
  }

  /** Tokens so far, sooner too many than too few: an event has at least one, and few tokenizers beat three bytes. */
  get estimatedTokens(): number {
    return estimate(this.events, this.bytes, this.soundTokens);
  }

  /** As `estimatedTokens`, as if these parts had been seen as well. */
  estimatedTokensWith(parts: Iterable<MeteredPart>): number {
    let { events, bytes, soundTokens: sound } = this;
    for (const { text, soundTokens } of parts) {
      if (soundTokens !== undefined) sound += soundTokens;
      if (text === '') continue;
      events += 1;
      bytes += Buffer.byteLength(text);
    }
    return estimate(events, bytes, sound);
  }

  /**
   * True once the answer is certainly longer than was allowed: an event with text has at least one token, unless the
   * upstream splits them, and then it has few bytes; and no tokenizer averages 16 characters.
   */
  get overrun(): boolean {
    const max = this.maxCompletionTokens;
    if (max === undefined) return false;
    const manyEvents = this.events > max * 2 + 64 && this.bytes > max * 8 + 256;
    return manyEvents || this.text.chars > max * 16 + 1024;
  }

  /**
   * @param complete false for an answer that broke off: a report is then used if there is one, else our count
   */
  async usage(counter: TokenCounter, complete: boolean): Promise<BelievedUsage> {
    const bounds = {
      maxPromptTokens: Math.min(maxPromptTokens(this.prompt, this.heldPromptTokens()), MOST_TOKENS),
      maxCompletionTokens: Math.min(this.maxCompletionTokens ?? UNBOUNDED_COMPLETION_TOKENS, MOST_TOKENS),
    };
    const believed = believeReported(this.reported, bounds);
    // A report that came before the end (some upstreams send running totals) may be behind what was relayed.
    if (believed !== undefined && complete) return this.withSound(believed);

    const promptTokens = await countPromptTokens(this.prompt, counter);
    const generatedTokens = (await this.text.countTokens(counter)) + Math.ceil(this.soundTokens);
    const completionTokens = Math.min(generatedTokens, bounds.maxCompletionTokens);
    const known = believed?.usage;
    return this.withSound({
      usage: usageOf(
        known?.prompt_tokens ?? Math.min(promptTokens, bounds.maxPromptTokens),
        Math.max(known?.completion_tokens ?? 0, completionTokens),
      ),
      source: this.reported === undefined && this.countable ? 'counted' : 'estimated',
    });
  }

  /** Some upstreams do not say how much of an answer was sound. */
  private withSound({ usage, source }: BelievedUsage): BelievedUsage {
    const { completion_tokens: tokens, completion_tokens_details: details } = usage;
    if (this.soundTokens === 0 || details === undefined || details.audio_tokens > 0) return { usage, source };
    const spoken = Math.min(Math.ceil(this.soundTokens), tokens);
    return { usage: { ...usage, completion_tokens_details: { ...details, audio_tokens: spoken } }, source };
  }

  /** Whether all of it is text, and no more of it than is counted to the token. */
  private get countable(): boolean {
    const longest = Math.max(this.prompt.chars, this.text.chars);
    return this.prompt.mediaParts === 0 && this.soundTokens === 0 && longest <= MAX_COUNTED_CHARS;
  }
}

function estimate(events: number, bytes: number, soundTokens: number): number {
  return Math.max(events, Math.ceil(bytes / 3)) + Math.ceil(soundTokens);
}

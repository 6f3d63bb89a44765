import { partOf } from '../billing/pricing.js';
import { believeReported, usageOf, type BelievedUsage } from '../billing/reported-usage.js';
import { MAX_COUNTED_CHARS, type TokenCounter } from '../billing/token-counter.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { MAX_INT32 } from '../contracts/validation/limits.js';
import { Calls } from './calls.js';
import type { MeteredPart } from './endpoint.js';
import { countPromptTokens, maxPromptTokens, type PromptMeasure } from './prompt.js';
import { RelayedText } from './relayed-text.js';

/** Where neither request nor model names a limit, no believable answer is longer. */
const UNBOUNDED_COMPLETION_TOKENS = 2_000_000;

/** Nor is anything that is believed longer than what a row holds. */
const MOST_TOKENS = MAX_INT32;

const CHARS_PER_SOUND_TOKEN = 4;

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
  private finished = false;
  private hasLeft = false;
  /** A report came with the end of a choice or after it, so it is no total of a part. */
  heard = false;
  /** Of what came after the client had left, what a report counts; and what came after the last report. */
  private readonly unread = new RelayedText();
  private unreadSoundTokens = 0;
  private unreported: string[] = [];
  private unreportedSoundTokens = 0;
  /** Those of the attempt under way. */
  calls = new Calls();
  /** Some of it was told to be what the model thought. */
  thinks = false;
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

  /** The client has left: what is seen from now on was not handed over. */
  leave(): void {
    this.hasLeft = true;
  }

  /** Characters that came after the client had left; sound counts as much as its words would. */
  unreadChars = 0;

  see(parts: Iterable<MeteredPart>, usage: unknown): void {
    for (const { text, finishReason, soundTokens, thinks } of parts) {
      if (thinks) this.thinks = true;
      if (finishReason !== null) this.finished = true;
      if (this.hasLeft) {
        if (text !== '') this.unreported.push(text);
        this.unreportedSoundTokens += soundTokens ?? 0;
        this.unreadChars += text.length + (soundTokens ?? 0) * CHARS_PER_SOUND_TOKEN;
        continue;
      }
      if (soundTokens !== undefined) this.soundTokens += soundTokens;
      if (text !== '') {
        this.text.add(text);
        this.bytes += Buffer.byteLength(text);
        this.events += 1;
      }
      if (finishReason !== null) this.finishReason ??= finishReason;
    }
    if (usage === undefined || usage === null) return;
    this.reported = usage;
    this.heard = this.finished;
    this.countUnreadAsReported();
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
   * Of what came after the client had left, its words are not counted: nobody was given them. What the model thought
   * unseen is, as a report tells it.
   *
   * @param complete false for an answer that broke off: a report is then used if there is one, else our count
   */
  async usage(counter: TokenCounter, complete: boolean): Promise<BelievedUsage> {
    const prompt = this.calls.prompt ?? this.prompt;
    const bounds = {
      maxPromptTokens: Math.min(maxPromptTokens(prompt, this.heldPromptTokens()), MOST_TOKENS),
      maxCompletionTokens: Math.min(this.maxCompletionTokens ?? UNBOUNDED_COMPLETION_TOKENS, MOST_TOKENS),
    };
    const ofCalls = this.calls.reported;
    const report = this.reported ?? (ofCalls?.all === true ? ofCalls.usage : undefined);
    const believed = believeReported(report, bounds);
    // A report that came before the end (some upstreams send running totals) may be behind what was relayed.
    if (believed !== undefined && complete) return this.withSound(believed);

    const promptTokens = await countPromptTokens(prompt, counter);
    const generatedTokens = (await this.text.countTokens(counter)) + Math.ceil(this.soundTokens);
    const completionTokens = Math.min(generatedTokens, bounds.maxCompletionTokens);
    const known = believed?.usage ?? believeReported(ofCalls?.usage, bounds)?.usage;
    const reportedTokens = (known?.completion_tokens ?? 0) - (await this.countUnread(counter));
    const sent = Math.min(promptTokens, bounds.maxPromptTokens);
    const usage = usageOf(
      believed?.usage.prompt_tokens ?? Math.max(sent, known?.prompt_tokens ?? 0),
      Math.max(reportedTokens, completionTokens),
    );
    if (this.hasLeft && believed !== undefined) return this.withSound(afterLeave(usage, believed));
    const source = report === undefined && this.countable(prompt) ? 'counted' : 'estimated';
    return this.withSound({ usage, source });
  }

  private countUnreadAsReported(): void {
    for (const text of this.unreported.splice(0)) this.unread.add(text);
    this.unreadSoundTokens += this.unreportedSoundTokens;
    this.unreportedSoundTokens = 0;
  }

  private async countUnread(counter: TokenCounter): Promise<number> {
    // Reports of single calls do not come by here.
    if (this.reported === undefined) this.countUnreadAsReported();
    return (await this.unread.countTokens(counter)) + Math.floor(this.unreadSoundTokens);
  }

  /** Some upstreams do not say how much of an answer was sound. */
  private withSound({ usage, source }: BelievedUsage): BelievedUsage {
    const { completion_tokens: tokens, completion_tokens_details: details } = usage;
    if (this.soundTokens === 0 || details === undefined || details.audio_tokens > 0) return { usage, source };
    const spoken = Math.min(Math.ceil(this.soundTokens), tokens);
    return { usage: { ...usage, completion_tokens_details: { ...details, audio_tokens: spoken } }, source };
  }

  /** Whether all of it is text, and no more of it than is counted to the token. */
  private countable(prompt: PromptMeasure): boolean {
    const longest = Math.max(prompt.chars, this.text.chars);
    return prompt.media === undefined && this.soundTokens === 0 && longest <= MAX_COUNTED_CHARS;
  }
}

/** What was believed, as far as it is charged. */
function afterLeave(
  { prompt_tokens: prompt, completion_tokens: completion }: Usage,
  believed: BelievedUsage,
): BelievedUsage {
  const { usage, source } = believed;
  return {
    usage: partOf(usage, prompt, completion),
    source: completion === usage.completion_tokens ? source : 'estimated',
  };
}

function estimate(events: number, bytes: number, soundTokens: number): number {
  return Math.max(events, Math.ceil(bytes / 3)) + Math.ceil(soundTokens);
}

import type { Bill } from '../common/money/bill.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { answerText, type AnswerText } from './answer-text.js';
import { renderStreamError } from './render-error.js';
import type { Envelope } from './envelope.js';
import type { Surface } from './surface.js';
import { renderUsage } from './usage.js';

export interface RendererOptions {
  readonly envelope: Envelope;
  readonly surface: Surface;
  /** In frames; else whole, as JSON. */
  readonly streamed: boolean;
  /** The client sent `stream_options.include_usage: true` (usage chunk), `false` (no trailer either), or neither. */
  readonly includeUsage: boolean | undefined;
  readonly includeObfuscation: boolean;
}

/** What an upstream says of an answer as a whole. */
export interface AnswerFacts {
  readonly service_tier?: string | undefined;
  readonly system_fingerprint?: string | undefined;
}

/**
 * Says the answer of one request, whole or chunk by chunk, in the words of its door. One instance a request. What it throws
 * is a failure of ours, which nobody pays for; so whatever can fail is prepared before the charge.
 */
export interface Renderer<Answer, Chunk> {
  readonly envelope: Envelope;
  /**
   * Puts a whole answer into words before it is charged.
   * @throws AnswerTooLargeError
   */
  prepareWhole(answer: Answer): void;
  /** @returns JSON text. Another answer than the prepared one is a shorter one: not all of it could be paid. */
  whole(answer: Answer, usage: Usage, bill: Bill): string;
  /** Frames of one chunk; empty when the chunk says nothing that a client sees yet. */
  chunk(chunk: Chunk): string;
  /**
   * Says what `end` will say, so that it has nothing left to fail at. Nothing may come in between.
   * @param openReason for choices that the upstream did not end itself
   */
  prepareEnd(openReason: 'stop' | 'length'): void;
  /** The end of a complete, settled answer. */
  end(usage: Usage, bill: Bill, openReason?: 'stop' | 'length'): string;
  /** The end of a stream that broke after its first byte. */
  failure(error: unknown): string;
}

/**
 * Chat and legacy completions in a dialect: whole, or chunk by chunk as SSE frames. Stateful.
 *
 * Every frame is exactly `data: <one line of JSON>\n\n`. Finish chunks are kept back until the answer is settled, so
 * that nobody holds a complete answer that was not paid for.
 */
export abstract class AnswerRenderer<Answer, Chunk> implements Renderer<Answer, Chunk> {
  /** Up to and including `"choices":[`. */
  protected head = '';
  /** From `]` to the end of the frame, for every chunk but the usage chunk. */
  protected tail = '';
  /** The same for finish chunks, which also name the conversation. */
  protected finishTail = '';
  private bareEnvelopeJson = '';
  private envelopeJson = '';
  private conversationJson = '';
  private wholeText: { readonly of: Answer; readonly text: AnswerText } | undefined;
  private tier: string | undefined;
  private fingerprint: string | undefined;
  private ready: { readonly openReason: 'stop' | 'length'; readonly frames: string } | undefined;

  protected constructor(
    object: 'chat.completion.chunk' | 'text_completion',
    protected readonly options: RendererOptions,
  ) {
    if (!options.streamed) return;
    const { id, created, model, conversationId } = options.envelope;
    this.envelopeJson = `{"id":${JSON.stringify(id)},"object":"${object}","created":${created},"model":${JSON.stringify(model)}`;
    this.bareEnvelopeJson = this.envelopeJson;
    this.head = headOf(this.envelopeJson);
    this.conversationJson =
      conversationId === undefined ? '' : `,"conversation_id":${JSON.stringify(conversationId)}`;
    const usage = options.includeUsage === true ? ',"usage":null' : '';
    this.tail = `]${usage}}\n\n`;
    this.finishTail = `]${usage}${this.conversationJson}}\n\n`;
  }

  get envelope(): Envelope {
    return this.options.envelope;
  }

  /** A whole answer as the dialect says it; `usage` stands behind `choices` and is overwritten. */
  protected abstract body(answer: Answer): Record<string, unknown>;

  prepareWhole(answer: Answer): void {
    this.wholeText = { of: answer, text: answerText(this.body(answer)) };
  }

  whole(answer: Answer, usage: Usage, bill: Bill): string {
    const { wholeText } = this;
    const text = wholeText?.of === answer ? wholeText.text : answerText(this.body(answer));
    return text.with(usage, bill, this.options.surface);
  }

  /** Takes what a chunk says of the whole answer into this frame and all that follow; the first word on each counts. */
  protected readFacts({ service_tier, system_fingerprint }: AnswerFacts): void {
    if (service_tier !== undefined && this.tier === undefined) {
      this.tier = service_tier;
      this.addFact('service_tier', service_tier);
    }
    if (system_fingerprint !== undefined && this.fingerprint === undefined) {
      this.fingerprint = system_fingerprint;
      this.addFact('system_fingerprint', system_fingerprint);
    }
  }

  private addFact(name: keyof AnswerFacts, value: string): void {
    this.envelopeJson += `,"${name}":${JSON.stringify(value)}`;
    this.head = headOf(this.envelopeJson);
  }

  abstract chunk(chunk: Chunk): string;

  /**
   * The kept-back finish chunks, one a choice. Pure: asked twice, it says the same.
   * @param openReason for choices that have none of their own; "error" overrules those that have
   */
  protected abstract finishFrames(openReason: 'stop' | 'length' | 'error'): string;

  prepareEnd(openReason: 'stop' | 'length'): void {
    this.ready = { openReason, frames: this.finishFrames(openReason) };
  }

  /**
   * The end of a complete, settled answer: finish chunks, usage chunk, `[DONE]`, trailer.
   * @param openReason for choices that the upstream did not end itself
   */
  end(usage: Usage, bill: Bill, openReason: 'stop' | 'length' = 'stop'): string {
    const { surface, includeUsage } = this.options;
    const { ready } = this;
    let frames = ready?.openReason === openReason ? ready.frames : this.finishFrames(openReason);
    const usageJson = JSON.stringify(renderUsage(usage, bill, surface));
    // The trailer's keys are documented where it is sent, and the chunk before `[DONE]` is the same.
    const envelope = surface.credits ? this.bareEnvelopeJson : this.envelopeJson;
    const usageFrame = `data: ${envelope},"choices":[],"usage":${usageJson}${this.conversationJson}}\n\n`;
    if (includeUsage === true) frames += usageFrame;
    frames += 'data: [DONE]\n\n';
    if (surface.credits && includeUsage !== false) frames += usageFrame;
    return frames;
  }

  /**
   * The end of a stream that broke after its first byte: the error, then a finish chunk for whoever passes over events
   * without choices. In this order, because clients that know no such finish reason stop at it and hide the message.
   * No `[DONE]`: that means complete.
   * @see docs/adr/0021-error-before-finish.md
   */
  failure(error: unknown): string {
    return `data: ${JSON.stringify(renderStreamError(error))}\n\n${this.finishFrames('error')}`;
  }
}

function headOf(envelopeJson: string): string {
  return `data: ${envelopeJson},"choices":[`;
}

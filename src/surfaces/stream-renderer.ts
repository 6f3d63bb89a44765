import type { Bill } from '../common/money/bill.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import { renderStreamError } from './render-error.js';
import type { Envelope } from './envelope.js';
import type { Surface } from './surface.js';
import { renderUsage } from './usage.js';

export interface StreamRendererOptions {
  readonly envelope: Envelope;
  readonly surface: Surface;
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
 * Turns chunks into SSE frames of one response. Stateful: one instance a response.
 *
 * Every frame is exactly `data: <one line of JSON>\n\n`. Finish chunks are kept back until the answer is settled, so
 * that nobody holds a complete answer that was not paid for.
 */
export abstract class StreamRenderer<Chunk> {
  /** Up to and including `"choices":[`. */
  protected head: string;
  /** From `]` to the end of the frame, for every chunk but the usage chunk. */
  protected readonly tail: string;
  /** The same for finish chunks, which also name the conversation. */
  protected readonly finishTail: string;
  private readonly bareEnvelopeJson: string;
  private envelopeJson: string;
  private readonly conversationJson: string;
  private tier: string | undefined;
  private fingerprint: string | undefined;
  private ready: { readonly openReason: 'stop' | 'length'; readonly frames: string } | undefined;

  protected constructor(
    object: 'chat.completion.chunk' | 'text_completion',
    protected readonly options: StreamRendererOptions,
  ) {
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

  /** Frames of one chunk; empty when the chunk says nothing that a client sees yet. */
  abstract chunk(chunk: Chunk): string;

  /**
   * The kept-back finish chunks, one a choice. Pure: asked twice, it says the same.
   * @param openReason for choices that have none of their own; "error" overrules those that have
   */
  protected abstract finishFrames(openReason: 'stop' | 'length' | 'error'): string;

  /** Says what `end` will say, so that it has nothing left to fail at. Nothing may come in between. */
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

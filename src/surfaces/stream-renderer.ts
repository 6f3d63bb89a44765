import type { Usage } from '../contracts/openai/chat-completion.js';
import { renderStreamError } from './render-error.js';
import type { Envelope } from './envelope.js';
import type { Surface } from './surface.js';
import { renderUsage, type Bill } from './usage.js';

export interface StreamRendererOptions {
  readonly envelope: Envelope;
  readonly surface: Surface;
  /** The client sent `stream_options.include_usage: true` (usage chunk), `false` (no trailer either), or neither. */
  readonly includeUsage: boolean | undefined;
  readonly includeObfuscation: boolean;
}

/**
 * Turns chunks into SSE frames of one response. Stateful: one instance a response.
 *
 * Every frame is exactly `data: <one line of JSON>\n\n`. Finish chunks are kept back until the answer is settled, so
 * that nobody holds a complete answer that was not paid for.
 */
export abstract class StreamRenderer<Chunk> {
  /** Up to and including `"choices":[`. */
  protected readonly head: string;
  /** From `]` to the end of the frame, for every chunk but the usage chunk. */
  protected readonly tail: string;
  /** The same for finish chunks, which also name the conversation. */
  protected readonly finishTail: string;
  private readonly envelopeJson: string;
  private readonly conversationJson: string;

  protected constructor(
    object: 'chat.completion.chunk' | 'text_completion',
    protected readonly options: StreamRendererOptions,
  ) {
    const { id, created, model, conversationId } = options.envelope;
    this.envelopeJson = `{"id":${JSON.stringify(id)},"object":"${object}","created":${created},"model":${JSON.stringify(model)}`;
    this.head = `data: ${this.envelopeJson},"choices":[`;
    this.conversationJson =
      conversationId === undefined ? '' : `,"conversation_id":${JSON.stringify(conversationId)}`;
    const usage = options.includeUsage === true ? ',"usage":null' : '';
    this.tail = `]${usage}}\n\n`;
    this.finishTail = `]${usage}${this.conversationJson}}\n\n`;
  }

  private ready: { readonly openReason: 'stop' | 'length'; readonly frames: string } | undefined;

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
    const usageFrame = `data: ${this.envelopeJson},"choices":[],"usage":${usageJson}${this.conversationJson}}\n\n`;
    if (includeUsage === true) frames += usageFrame;
    frames += 'data: [DONE]\n\n';
    if (surface.credits && includeUsage !== false) frames += usageFrame;
    return frames;
  }

  /** The end of a stream that broke after its first byte. No `[DONE]`: that means complete. */
  failure(error: unknown): string {
    return `${this.finishFrames('error')}data: ${JSON.stringify(renderStreamError(error))}\n\n`;
  }
}

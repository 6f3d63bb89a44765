import type { Bill } from '../common/money/bill.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { CompletionChoice, CompletionChunkChoice } from '../contracts/openai/completion.js';
import { dialectFinishReason } from './chat-answer.js';
import type { Envelope } from './envelope.js';
import { StreamRenderer, type AnswerFacts, type StreamRendererOptions } from './stream-renderer.js';
import type { Surface } from './surface.js';
import { renderUsage } from './usage.js';

export interface RenderableCompletion extends Pick<AnswerFacts, 'system_fingerprint'> {
  readonly choices: readonly CompletionChoice[];
}

/** A whole legacy completion in the dialect, choices in prompt-major order. */
export function renderCompletion(
  envelope: Envelope,
  { choices, system_fingerprint }: RenderableCompletion,
  usage: Usage,
  bill: Bill,
  surface: Surface,
): Record<string, unknown> {
  return {
    id: envelope.id,
    object: 'text_completion',
    created: envelope.created,
    model: envelope.model,
    choices: choices.map((choice) => ({
      text: choice.text,
      index: choice.index,
      logprobs: choice.logprobs,
      finish_reason: dialectFinishReason(choice.finish_reason, surface),
    })),
    usage: renderUsage(usage, bill, surface),
    ...(system_fingerprint === undefined ? {} : { system_fingerprint }),
  };
}

interface RenderableChunk extends Pick<AnswerFacts, 'system_fingerprint'> {
  readonly choices: readonly CompletionChunkChoice[];
}

/** Chunks of a legacy completion: no role, the same `object` as the whole answer. */
export class CompletionStreamRenderer extends StreamRenderer<RenderableChunk> {
  private readonly finishReasons: (string | null | undefined)[] = [];

  constructor(options: StreamRendererOptions) {
    super('text_completion', options);
  }

  override chunk(chunk: RenderableChunk): string {
    this.readFacts(chunk);
    let frames = '';
    for (const { index, text, logprobs, finish_reason } of chunk.choices) {
      this.finishReasons[index] = finish_reason ?? this.finishReasons[index] ?? null;
      if (text === '' && logprobs === null) continue;
      frames += this.frame(index, text, logprobs === null ? 'null' : JSON.stringify(logprobs), 'null');
    }
    return frames;
  }

  protected override finishFrames(openReason: 'stop' | 'length' | 'error'): string {
    let frames = '';
    this.finishReasons.forEach((reason, index) => {
      if (reason === undefined) return;
      const said =
        openReason === 'error' ? 'error' : dialectFinishReason(reason ?? openReason, this.options.surface);
      frames += this.frame(index, '', 'null', JSON.stringify(said), this.finishTail);
    });
    return frames;
  }

  private frame(
    index: number,
    text: string,
    logprobs: string,
    finishReason: string,
    tail = this.tail,
  ): string {
    return `${this.head}{"text":${JSON.stringify(text)},"index":${index},"logprobs":${logprobs},"finish_reason":${finishReason}}${tail}`;
  }
}

import type { CompletionChoice, CompletionChunkChoice } from '../contracts/openai/completion.js';
import { dialectFinishReason } from './chat-answer.js';
import { AnswerRenderer, type AnswerFacts, type RendererOptions } from './answer-renderer.js';

export interface RenderableCompletion extends Pick<AnswerFacts, 'system_fingerprint'> {
  readonly choices: readonly CompletionChoice[];
}

interface RenderableChunk extends Pick<AnswerFacts, 'system_fingerprint'> {
  readonly choices: readonly CompletionChunkChoice[];
}

/** A legacy completion, whole or as chunks: no role, the same `object` for both. */
export class CompletionRenderer extends AnswerRenderer<RenderableCompletion, RenderableChunk> {
  private readonly finishReasons: (string | null | undefined)[] = [];

  constructor(options: RendererOptions) {
    super('text_completion', options);
  }

  /** Choices in prompt-major order. */
  protected override body({ choices, system_fingerprint }: RenderableCompletion): Record<string, unknown> {
    const { id, created, model } = this.envelope;
    return {
      id,
      object: 'text_completion',
      created,
      model,
      choices: choices.map((choice) => ({
        text: choice.text,
        index: choice.index,
        logprobs: choice.logprobs,
        finish_reason: dialectFinishReason(choice.finish_reason, this.options.surface),
      })),
      usage: undefined,
      ...(system_fingerprint === undefined ? {} : { system_fingerprint }),
    };
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

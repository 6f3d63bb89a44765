import { Injectable } from '@nestjs/common';
import { catchError, tap, throwError } from 'rxjs';
import type { Endpoint } from '../../inference/endpoint.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';

/** Shorter prompts tell of what an upstream adds to each, not of its tokenizer. Tokens. */
const LEAST_TELLING = 1_000;

/** More than any tokenizer makes of what `o200k_base` does; a stranger report is a mistake. */
const MOST = 2;

/** After a refusal, which says only that it was too much. */
const STEP = 1.1;

/** Of the way down to a lower ratio: one answer in another language must not undo what others told. */
const EASE = 1 / 16;

/** Models that are remembered. */
const MOST_MODELS = 1_000;

/**
 * How many tokens a model's own tokenizer makes of one of ours, as its upstreams have told: what we count with is that of
 * OpenAI's models. A conversation that is full by our count would else be refused at each turn by a model that counts more.
 *
 * @see docs/adr/0012-room-for-other-tokenizers.md
 */
@Injectable()
export class TokenRatios {
  private readonly ratios = new Map<string, number>();

  /** @param model our public id @returns 1 to 2 */
  of(model: string): number {
    return this.ratios.get(model) ?? 1;
  }

  /**
   * Learns from what an upstream says of a prompt: how many tokens it has, or that they are too many.
   *
   * @param countedTokens by us; `undefined`: not counted exactly, and nothing is learnt
   */
  learningFrom<Request extends { model: string }, Answer, Chunk>(
    endpoint: Endpoint<Request, Answer, Chunk>,
    model: string,
    countedTokens: number | undefined,
  ): Endpoint<Request, Answer, Chunk> {
    if (countedTokens === undefined) return endpoint;
    const refused = (error: unknown): void => {
      if (error instanceof UpstreamError && error.code === 'context_length_exceeded') {
        this.set(model, this.of(model) * STEP);
      }
    };
    return {
      ...endpoint,
      complete: async (...call) => {
        try {
          const answer = await endpoint.complete(...call);
          this.learn(model, countedTokens, endpoint.usageOfAnswer(answer));
          return answer;
        } catch (error) {
          refused(error);
          throw error;
        }
      },
      stream: (...call) =>
        endpoint.stream(...call).pipe(
          tap((chunk) => this.learn(model, countedTokens, endpoint.usageOfChunk(chunk))),
          catchError((error: unknown) => {
            refused(error);
            return throwError(() => error);
          }),
        ),
    };
  }

  private learn(model: string, countedTokens: number, usage: unknown): void {
    const told = (usage as { prompt_tokens?: unknown } | null | undefined)?.prompt_tokens;
    if (typeof told !== 'number' || !Number.isFinite(told) || countedTokens < LEAST_TELLING) return;
    const ratio = told / countedTokens;
    const before = this.of(model);
    this.set(model, ratio > before ? ratio : before + (ratio - before) * EASE);
  }

  private set(model: string, ratio: number): void {
    this.ratios.delete(model);
    this.ratios.set(model, Math.min(MOST, Math.max(1, ratio)));
    if (this.ratios.size <= MOST_MODELS) return;
    const [oldest] = this.ratios.keys();
    if (oldest !== undefined) this.ratios.delete(oldest);
  }
}

import { Injectable } from '@nestjs/common';
import type { JobOptions } from '../../inference/job.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';

/** Shorter prompts tell of what an upstream adds to each, not of its tokenizer. Tokens. */
const LEAST_TELLING = 1_000;

/** More than any tokenizer makes of what `o200k_base` does; a stranger report is a mistake. */
const MOST = 2;

/** After a refusal, which says only that it was too much. */
const STEP = 1.1;

/** Of the way down to a lower ratio: one answer in another language must not undo what others told. */
const EASE = 1 / 16;

/** Accounts that are remembered. */
const MOST_ACCOUNTS = 10_000;

/** Models and conversations that are remembered of one account. */
const MOST_OF_ACCOUNT = 1_000;

/** What a prompt was measured for. */
export interface RatioScope {
  readonly accountId: string;
  /** Our public id. */
  readonly model: string;
  /** Name of the conversation, unique in the account; `undefined`: nothing is remembered. */
  readonly conversation: string | undefined;
}

/** A prompt as we counted it. */
export interface CountedPrompt {
  /** By us; `undefined`: not counted exactly. */
  readonly tokens: number | undefined;
  /** Whether all of it is text. Nobody but the vendor can count anything else. */
  readonly textOnly: boolean;
}

/**
 * How many tokens a model's own tokenizer makes of one of ours, as its upstreams have told: what we count with is that of
 * OpenAI's models. A conversation that is full by our count would else be refused at each turn by a model that counts more.
 *
 * What one account sends teaches nothing about another's prompts. A prompt with pictures or files teaches about its own
 * conversation alone.
 *
 * @see docs/adr/0012-room-for-other-tokenizers.md
 */
@Injectable()
export class TokenRatios {
  private readonly accounts = new Map<string, Map<string, number>>();

  /** @returns 1 to 2 */
  of(scope: RatioScope): number {
    const ratios = this.accounts.get(scope.accountId);
    if (ratios === undefined) return 1;
    return Math.max(ratios.get(modelKey(scope)) ?? 1, ratios.get(conversationKey(scope) ?? '') ?? 1);
  }

  /**
   * What is to be told of a prompt's attempts to learn from them: how many tokens it has by the upstream, or that they are
   * too many. Nothing is learnt of a prompt that was not counted exactly.
   */
  lessonOf(
    scope: RatioScope,
    { tokens: countedTokens, textOnly }: CountedPrompt,
  ): Pick<JobOptions, 'onUsage' | 'onFailure'> {
    if (countedTokens === undefined) return {};
    return {
      onUsage: (reported) => {
        const ratio = ratioTold(reported, countedTokens);
        if (ratio === undefined) return;
        this.learn(scope, textOnly, (before) => (ratio > before ? ratio : before + (ratio - before) * EASE));
      },
      onFailure: (error) => {
        if (error instanceof UpstreamError && error.code === 'context_length_exceeded') {
          this.learn(scope, textOnly, (before) => before * STEP);
        }
      },
    };
  }

  private learn(scope: RatioScope, textOnly: boolean, next: (before: number) => number): void {
    const ratios = this.accounts.get(scope.accountId) ?? new Map<string, number>();
    if (textOnly) setLast(ratios, modelKey(scope), bounded(next(ratios.get(modelKey(scope)) ?? 1)));
    const conversation = conversationKey(scope);
    // What pictures taught eases with the turns after them.
    const before = conversation === undefined ? undefined : ratios.get(conversation);
    if (conversation !== undefined && (!textOnly || before !== undefined)) {
      setLast(ratios, conversation, bounded(next(before ?? 1)));
    }
    if (ratios.size === 0) return;
    dropFirst(ratios, MOST_OF_ACCOUNT);
    setLast(this.accounts, scope.accountId, ratios);
    dropFirst(this.accounts, MOST_ACCOUNTS);
  }
}

function modelKey({ model }: RatioScope): string {
  return JSON.stringify([model]);
}

function conversationKey({ model, conversation }: RatioScope): string | undefined {
  return conversation === undefined ? undefined : JSON.stringify([model, conversation]);
}

/** @returns tokens by the upstream for one of ours; `undefined`: the report tells nothing */
function ratioTold(usage: unknown, countedTokens: number): number | undefined {
  const told = (usage as { prompt_tokens?: unknown } | null | undefined)?.prompt_tokens;
  if (typeof told !== 'number' || !Number.isFinite(told) || countedTokens < LEAST_TELLING) return undefined;
  return told / countedTokens;
}

function bounded(ratio: number): number {
  return Math.min(MOST, Math.max(1, ratio));
}

/** Sets an entry and makes it the last, so that the first is the one that was not set for the longest. */
function setLast<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
}

/** Drops first entries until no more than `most` are left. */
function dropFirst(map: Map<string, unknown>, most: number): void {
  for (const key of map.keys()) {
    if (map.size <= most) return;
    map.delete(key);
  }
}

import type { Usage } from '../../../contracts/openai/chat-completion.js';
import type {
  CompletionFinishReason,
  CompletionLogprobs,
  CompletionRequest,
} from '../../../contracts/openai/completion.js';
import type { Behaviour } from './behaviour.js';
import { continuePrompt } from './completion-text.js';
import { contextTooLong, tooManyChoices } from './failures.js';
import { SeededRandom, seedOf } from './random.js';
import { SANDBOX_LIMITS } from './sandbox.models.js';
import { stopsOf, TokenBudget } from './token-limit.js';
import { scoreTokens, type ScoredToken } from './token-logprobs.js';
import { countTokens, tokenize } from './tokenizer.js';
import { toUsage } from './usage.js';

/** One choice of a legacy completion, decided to the last token, the echoed prompt included. */
export interface PlannedCompletion {
  readonly pieces: readonly string[];
  /** Pieces at the start that repeat the prompt. */
  readonly echoed: number;
  /** One entry a piece; undefined: not asked for. */
  readonly logprobs: CompletionLogprobs | undefined;
  readonly finish_reason: CompletionFinishReason;
}

export interface CompletionPlan {
  /** Prompt-major: those of the first prompt, then those of the second. */
  readonly choices: readonly PlannedCompletion[];
  readonly usage: Usage | undefined;
}

/** A bound on the work that many prompts, each with many choices, can ask for. */
const MOST_CHOICES = 2_048;

/**
 * Decides the answer to a legacy completion. All `best_of` candidates count as completion tokens; an echoed prompt
 * does not. The prompts of one request share the context, and each echo of a prompt takes its place there.
 *
 * @throws UpstreamError `context_length_exceeded`, `upstream_rejected_request`
 */
export function planCompletion(request: CompletionRequest, behaviour: Behaviour): CompletionPlan {
  const prompts = readPrompts(request);
  const wanted = request.n ?? 1;
  const generated = Math.max(wanted, request.best_of ?? 1);
  if (prompts.length * generated > MOST_CHOICES) throw tooManyChoices(MOST_CHOICES);

  const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens, 0);
  const takenTokens = promptTokens * (request.echo === true ? wanted : 1);
  if (takenTokens > SANDBOX_LIMITS.contextTokens) throw contextTooLong(takenTokens, 'prompt');

  const choices: PlannedCompletion[] = [];
  let completionTokens = 0;
  for (const prompt of prompts) {
    const candidates = writeCandidates(request, behaviour, prompt.text, generated);
    completionTokens += candidates.reduce((sum, { pieces }) => sum + pieces.length, 0);
    const best =
      generated > wanted ? candidates.toSorted((a, b) => meanLogprob(b) - meanLogprob(a)) : candidates;
    for (const candidate of best.slice(0, wanted)) choices.push(toPlanned(request, prompt, candidate));
  }
  const usage = toUsage({ prompt: promptTokens, completion: completionTokens });
  return { choices, usage: behaviour.reportsUsage ? usage : undefined };
}

interface Candidate {
  readonly pieces: readonly string[];
  readonly scores: readonly ScoredToken[];
  readonly finish_reason: CompletionFinishReason;
  readonly random: SeededRandom;
}

interface Prompt {
  readonly text: string;
  /** The suffix counts, too. */
  readonly tokens: number;
  /** Joined, they are `text`; cut up when asked for only, because a prompt may be huge. */
  readonly pieces: () => string[];
}

/** Token ids stand for words that the sandbox does not know; they are shown as `<id>`. */
function readPrompts({ prompt, suffix = '' }: CompletionRequest): Prompt[] {
  const suffixTokens = countTokens(suffix);
  const fromText = (text: string): Prompt => ({
    text,
    tokens: countTokens(text) + suffixTokens,
    pieces: () => tokenize(text),
  });
  const fromIds = (ids: readonly number[]): Prompt => {
    const pieces = ids.map((id) => `<${id}>`);
    return { text: pieces.join(''), tokens: ids.length + suffixTokens, pieces: () => pieces };
  };
  if (typeof prompt === 'string') return [fromText(prompt)];
  if (prompt.every((item) => typeof item === 'number')) return [fromIds(prompt)];
  return prompt.map((item) => (typeof item === 'string' ? fromText(item) : fromIds(item as number[])));
}

function writeCandidates(
  request: CompletionRequest,
  behaviour: Behaviour,
  prompt: string,
  count: number,
): Candidate[] {
  const greedy = request.temperature === 0;
  const seed = seedOf([request.model, prompt, request.suffix, greedy ? 'greedy' : request.seed]);
  const most = Math.min(request.max_tokens ?? Infinity, SANDBOX_LIMITS.completionTokens);
  return Array.from({ length: count }, (_, index) => {
    const random = new SeededRandom(seed, greedy ? 0 : index);
    const budget = new TokenBudget(most);
    const { pieces, stopped } = budget.takeUntil(write(behaviour, prompt, random), stopsOf(request.stop));
    const scores = scoreTokens(pieces, request.logprobs ?? 0, random);
    const natural = behaviour.voice === 'refusal' ? 'content_filter' : 'stop';
    return { pieces, scores, finish_reason: !stopped && budget.exhausted ? 'length' : natural, random };
  });
}

function write(behaviour: Behaviour, prompt: string, random: SeededRandom): string {
  switch (behaviour.voice) {
    case 'chat':
      return continuePrompt(prompt, random);
    case 'echo':
      return prompt;
    case 'empty':
    case 'refusal':
      return '';
  }
}

function meanLogprob({ scores }: Candidate): number {
  return scores.reduce((sum, { logprob }) => sum + logprob, 0) / Math.max(1, scores.length);
}

function toPlanned(
  request: CompletionRequest,
  prompt: Prompt,
  { pieces, scores, finish_reason, random }: Candidate,
): PlannedCompletion {
  const echoed = request.echo === true ? prompt.pieces() : [];
  const offset = request.echo === true ? 0 : codePoints(prompt.text);
  return {
    pieces: [...echoed, ...pieces],
    echoed: echoed.length,
    finish_reason,
    logprobs:
      request.logprobs === undefined
        ? undefined
        : toLogprobs(
            [...scoreTokens(echoed, request.logprobs, random), ...scores],
            offset,
            echoed.length > 0,
          ),
  };
}

/** Offsets count code points. What comes first of all has nothing before it to be probable after: null. */
function toLogprobs(scores: readonly ScoredToken[], start: number, startsText: boolean): CompletionLogprobs {
  const logprobs: CompletionLogprobs = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
  let offset = start;
  for (const [position, { token, logprob, alternatives }] of scores.entries()) {
    const unknown = startsText && position === 0;
    const top = [{ token, logprob }, ...alternatives].map((other) => [other.token, other.logprob] as const);
    logprobs.tokens.push(token);
    logprobs.token_logprobs.push(unknown ? null : logprob);
    logprobs.top_logprobs.push(unknown ? null : Object.fromEntries(top));
    logprobs.text_offset.push(offset);
    offset += codePoints(token);
  }
  return logprobs;
}

function codePoints(text: string): number {
  return [...text].length;
}

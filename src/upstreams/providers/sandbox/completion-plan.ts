import type { Usage } from '../../../contracts/openai/chat-completion.js';
import type { CompletionFinishReason, CompletionRequest } from '../../../contracts/openai/completion.js';
import type { Behaviour } from './behaviour.js';
import { continuePrompt } from './completion-text.js';
import { contextTooLong, tooManyChoices } from './failures.js';
import type { TextFinder } from './find-text.js';
import { countCodePoints } from './quote.js';
import { SeededRandom, seedInTurns, type Seed } from './random.js';
import { SANDBOX_LIMITS } from './sandbox.models.js';
import { stopsOf, TokenBudget } from './token-limit.js';
import { scoreTokens, type ScoredToken } from './token-logprobs.js';
import { countTokensInTurns, tokenize } from './tokenizer.js';
import type { Turns } from './turns.js';
import { toUsage } from './usage.js';

/** One choice of a legacy completion, decided to the last token, the echoed prompt included. */
export interface PlannedCompletion {
  readonly pieces: readonly string[];
  /** Pieces at the start that repeat the prompt. */
  readonly echoed: number;
  /** Makes one entry a piece; undefined: not asked for. */
  readonly scores: (() => Iterator<CompletionScore>) | undefined;
  readonly finish_reason: CompletionFinishReason;
}

export interface CompletionPlan {
  /** Prompt-major: those of the first prompt, then those of the second. */
  readonly choices: readonly PlannedCompletion[];
  readonly usage: Usage | undefined;
}

/** A bound on the work that many prompts, each with many choices, can ask for. */
const MOST_CHOICES = 2_048;

/** What the four lists of `logprobs` say of one piece. */
export interface CompletionScore {
  readonly token: string;
  readonly logprob: number | null;
  readonly top: Record<string, number> | null;
  readonly offset: number;
}

/**
 * Decides the answer to a legacy completion, in turns that leave room for others. All `best_of` candidates count as
 * completion tokens; an echoed prompt does not. The prompts of one request share the context, and each echo of a prompt
 * takes its place there.
 *
 * @throws UpstreamError `context_length_exceeded`, `upstream_rejected_request`; as `turns` when they end
 */
export async function planCompletion(
  request: CompletionRequest,
  behaviour: Behaviour,
  turns: Turns,
): Promise<CompletionPlan> {
  const prompts = await readPrompts(request, turns);
  const wanted = request.n ?? 1;
  const generated = Math.max(wanted, request.best_of ?? 1);
  if (prompts.length * generated > MOST_CHOICES) throw tooManyChoices(MOST_CHOICES);

  const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens, 0);
  const takenTokens = promptTokens * (request.echo === true ? wanted : 1);
  if (takenTokens > SANDBOX_LIMITS.contextTokens) throw contextTooLong(takenTokens, 'prompt');

  const choices: PlannedCompletion[] = [];
  const stops = stopsOf(request.stop);
  let completionTokens = 0;
  for (const prompt of prompts) {
    const text = prompt.text();
    const candidates = await writeCandidates(request, behaviour, text, generated, stops, turns);
    completionTokens += candidates.reduce((sum, { pieces }) => sum + pieces.length, 0);
    const best = generated > wanted ? await bestFirst(candidates, turns) : candidates;
    const echoed = request.echo === true ? prompt.pieces() : [];
    const offset = request.logprobs === undefined || request.echo === true ? 0 : countCodePoints(text);
    for (const candidate of best.slice(0, wanted)) {
      choices.push(toPlanned(request, echoed, offset, candidate));
      await turns.ifDue();
    }
  }
  const usage = toUsage({ prompt: promptTokens, completion: completionTokens });
  return { choices, usage: behaviour.reportsUsage ? usage : undefined };
}

interface Candidate {
  readonly pieces: readonly string[];
  readonly finish_reason: CompletionFinishReason;
  readonly seed: Seed;
  readonly index: number;
}

interface Prompt {
  /** Put together when asked for only, because a prompt may be huge. */
  readonly text: () => string;
  /** The suffix counts, too. */
  readonly tokens: number;
  /** Joined, they are `text`. */
  readonly pieces: () => string[];
}

async function readPrompts(
  { prompt, suffix = '' }: CompletionRequest,
  turns: Turns,
): Promise<readonly Prompt[]> {
  const suffixTokens = await countTokensInTurns(suffix, turns);
  const items = typeof prompt === 'string' || isIds(prompt) ? [prompt] : prompt;
  const prompts: Prompt[] = [];
  for (const item of items) {
    const own = typeof item === 'string' ? await countTokensInTurns(item, turns) : item.length;
    const pieces = typeof item === 'string' ? () => tokenize(item) : () => piecesOfIds(item);
    const text = typeof item === 'string' ? () => item : () => piecesOfIds(item).join('');
    prompts.push({ text, tokens: own + suffixTokens, pieces });
    await turns.ifDue();
  }
  return prompts;
}

function isIds(prompt: Exclude<CompletionRequest['prompt'], string>): prompt is number[] {
  return prompt.length === 0 || typeof prompt[0] === 'number';
}

/** Token ids stand for words that the sandbox does not know; they are shown as `<id>`. */
function piecesOfIds(ids: readonly number[]): string[] {
  return ids.map((id) => `<${id}>`);
}

async function writeCandidates(
  request: CompletionRequest,
  behaviour: Behaviour,
  prompt: string,
  count: number,
  stops: readonly TextFinder[],
  turns: Turns,
): Promise<Candidate[]> {
  const greedy = request.temperature === 0;
  const seed = await seedInTurns(
    [request.model, prompt, request.suffix, greedy ? 'greedy' : request.seed],
    turns,
  );
  const most = Math.min(request.max_tokens ?? Infinity, SANDBOX_LIMITS.completionTokens);
  const natural = behaviour.voice === 'refusal' ? 'content_filter' : 'stop';
  const candidates: Candidate[] = [];
  for (let number = 0; number < count; number += 1) {
    await turns.ifDue();
    const index = greedy ? 0 : number;
    const budget = new TokenBudget(most);
    const text = write(behaviour, prompt, new SeededRandom(seed, index));
    const { pieces, stopped } = budget.takeUntil(text, stops);
    const finish_reason = !stopped && budget.exhausted ? 'length' : natural;
    candidates.push({ pieces, finish_reason, seed, index });
  }
  return candidates;
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

/** The likeliest first: by the mean of the log probabilities of their tokens. */
async function bestFirst(candidates: readonly Candidate[], turns: Turns): Promise<Candidate[]> {
  const means = new Map<Candidate, number>();
  for (const candidate of candidates) {
    const { pieces, seed, index } = candidate;
    let sum = 0;
    for (const { logprob } of scoreTokens(pieces, 0, seed, scoresOf(index))) {
      sum += logprob;
      if (turns.due) await turns.ifDue();
    }
    means.set(candidate, sum / Math.max(1, pieces.length));
  }
  return candidates.toSorted((a, b) => (means.get(b) as number) - (means.get(a) as number));
}

/** Streams of random numbers: text has its candidate's number, from 0 up. */
const scoresOf = (index: number) => -1 - index;
const scoresOfEcho = (index: number) => -1_000_000 - index;

function toPlanned(
  request: CompletionRequest,
  echoed: readonly string[],
  offset: number,
  { pieces, finish_reason, seed, index }: Candidate,
): PlannedCompletion {
  const { logprobs } = request;
  return {
    pieces: echoed.length === 0 ? pieces : [...echoed, ...pieces],
    echoed: echoed.length,
    finish_reason,
    scores:
      logprobs === undefined
        ? undefined
        : function* () {
            const scored = [
              scoreTokens(echoed, logprobs, seed, scoresOfEcho(index)),
              scoreTokens(pieces, logprobs, seed, scoresOf(index)),
            ];
            yield* toScores(scored, offset, echoed.length > 0);
          },
  };
}

/** Offsets count code points. What comes first of all has nothing before it to be probable after: null. */
function* toScores(
  scored: readonly Iterable<ScoredToken>[],
  start: number,
  startsText: boolean,
): Generator<CompletionScore> {
  let offset = start;
  let unknown = startsText;
  for (const list of scored) {
    for (const { token, logprob, alternatives } of list) {
      const top = unknown ? null : { [token]: logprob };
      if (top !== null) for (const other of alternatives) top[other.token] = other.logprob;
      yield { token, logprob: unknown ? null : logprob, top, offset };
      unknown = false;
      offset += countCodePoints(token);
    }
  }
}

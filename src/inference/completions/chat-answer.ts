import type { ChatChoice, FinishReason } from '../../contracts/openai/chat-completion.js';
import type {
  CompletionFinishReason,
  CompletionLogprobs,
  CompletionRequest,
} from '../../contracts/openai/completion.js';
import { UpstreamError } from '../../upstreams/upstream.errors.js';
import type { ChatAnswer, CompletionAnswer } from '../../upstreams/upstream.port.js';
import { candidateCount, choiceCount } from './chat-request.js';
import { codePoints, LogprobsConverter, meanLogprob, noLogprobs, tokensOf } from './logprobs.js';

type Choice = CompletionAnswer['choices'][number];

/**
 * The choices of one prompt, out of the chat answer to it: with `best_of` the most probable candidates, best first.
 * Log probabilities cover the completion only, also with `echo`: chat gives none for what it was sent.
 *
 * @param firstIndex index of the prompt's first choice in the whole answer
 * @throws UpstreamError `upstream_bad_response` when there are fewer choices than were asked for: every index names a
 * prompt, so a gap would give one prompt's text to another
 */
export function toCompletionChoices(
  request: CompletionRequest,
  prompt: string,
  answer: ChatAnswer,
  firstIndex: number,
): Choice[] {
  const count = choiceCount(request);
  const inOrder = answer.choices.toSorted((a, b) => a.index - b.index);
  const ranked = candidateCount(request) > count ? bestFirst(inOrder) : inOrder;
  if (ranked.length < count) throw tooFewChoices();
  const start = request.logprobs === undefined ? 0 : codePoints(prompt);
  return ranked.slice(0, count).map((choice, position) => ({
    ...shownText(request, prompt, choice.message.content || (choice.message.refusal ?? '')),
    index: firstIndex + position,
    logprobs: request.logprobs === undefined ? null : toLogprobs(choice, start),
    finish_reason: toCompletionFinishReason(choice.finish_reason),
  }));
}

/** A choice that may have no tokens: `max_tokens` 0 asks for an echo or nothing, and no upstream is needed for that. */
export function choiceWithoutTokens(request: CompletionRequest, prompt: string, index: number): Choice {
  return {
    ...shownText(request, prompt, ''),
    index,
    logprobs: request.logprobs === undefined ? null : noLogprobs(),
    finish_reason: 'length',
  };
}

/** No tools are sent, so what claims to stop for a tool has simply stopped. */
export function toCompletionFinishReason(reason: FinishReason): CompletionFinishReason {
  return reason === 'length' || reason === 'content_filter' ? reason : 'stop';
}

export function tooFewChoices(): UpstreamError {
  return new UpstreamError(
    'upstream_bad_response',
    'The upstream answered with fewer choices than were asked for.',
  );
}

function toLogprobs(choice: ChatChoice, start: number): CompletionLogprobs | null {
  const tokens = tokensOf(choice.logprobs);
  return tokens === undefined ? null : new LogprobsConverter(start).convert(tokens);
}

function shownText(request: CompletionRequest, prompt: string, completion: string) {
  return request.echo === true
    ? { text: prompt + completion, echoedChars: prompt.length }
    : { text: completion };
}

function bestFirst(candidates: readonly ChatChoice[]): ChatChoice[] {
  return candidates.toSorted((a, b) => score(b) - score(a));
}

/** Candidates that nobody gave a probability come last, in their own order. */
function score({ logprobs }: ChatChoice): number {
  return meanLogprob(logprobs) ?? -Number.MAX_VALUE;
}

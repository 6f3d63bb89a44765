import { promptBesideWhole } from '../../inference/answer-limit.js';

/**
 * How long a prompt may be, in tokens, by what is in it. What must be sent (instructions, tools, the new messages, and the
 * question and the call that they answer) is never refused for the sake of the answer or the memory policy.
 */
export interface PromptBudget {
  /** With what is remembered. */
  readonly tokens: number;
  /** Up to here the answer can have all of its `max_tokens`; at most `tokens`. */
  readonly withWholeAnswer: number;
  /** With earlier calls of the exchange that is under way; at least `tokens`, since no memory policy narrows it. */
  readonly underWay: number;
  /** With what must be sent and nothing else; it leaves the answer a token at least. */
  readonly most: number;
}

/** Of a context length, the most that is kept free for an answer. */
const MOST_FOR_ANSWER = 1 / 4;

/**
 * What a model's context length leaves for the prompt, narrowed by a memory policy. The answer has room for its
 * `max_tokens`, but no more than a quarter of the whole: a generous limit must not cost the memory.
 *
 * @param contextLength of the model; 0 or `undefined`: unknown
 * @param maxTokens of the answer; `undefined`: nobody set a limit
 * @param policyMaxTokens of the memory policy
 * @returns `undefined` where neither model nor policy names a length
 */
export function promptBudget({
  contextLength,
  maxTokens,
  policyMaxTokens,
}: {
  readonly contextLength: number | undefined;
  readonly maxTokens: number | undefined;
  readonly policyMaxTokens: number | undefined;
}): PromptBudget | undefined {
  const most = policyMaxTokens ?? Infinity;
  if (!contextLength) {
    if (most === Infinity) return undefined;
    return { tokens: most, withWholeAnswer: most, underWay: Infinity, most: Infinity };
  }
  const quarter = Math.floor(contextLength * MOST_FOR_ANSWER);
  const underWay = promptBesideWhole(Math.min(maxTokens ?? quarter, quarter), contextLength);
  const tokens = Math.min(underWay, most);
  return {
    tokens,
    withWholeAnswer: Math.min(tokens, promptBesideWhole(maxTokens ?? quarter, contextLength)),
    underWay,
    most: contextLength - 1,
  };
}

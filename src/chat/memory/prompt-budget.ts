import { promptBesideWhole } from '../../inference/answer-limit.js';

/** How long a prompt may be, in tokens. */
export interface PromptBudget {
  readonly tokens: number;
  /** Up to here the answer can have all of its `max_tokens`; at most `tokens`. */
  readonly withWholeAnswer: number;
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
  if (!contextLength) return most === Infinity ? undefined : { tokens: most, withWholeAnswer: most };
  const quarter = Math.floor(contextLength * MOST_FOR_ANSWER);
  const tokens = Math.min(promptBesideWhole(Math.min(maxTokens ?? quarter, quarter), contextLength), most);
  return {
    tokens,
    withWholeAnswer: Math.min(tokens, promptBesideWhole(maxTokens ?? quarter, contextLength)),
  };
}

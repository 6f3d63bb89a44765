/** What other tokenizers and templates than the one that we count with may make of a prompt besides. */
const MARGIN = { share: 1 / 50, tokens: 16 };

/**
 * The `max_tokens` to send: what was asked for, as far as prompt and answer together stay within the context length, with
 * a margin where that cuts it.
 *
 * @returns at least 1; `undefined` where nobody set a limit
 */
export function answerLimit({
  contextLength,
  promptTokens,
  maxTokens,
}: {
  readonly contextLength: number | undefined;
  readonly promptTokens: number;
  readonly maxTokens: number | undefined;
}): number | undefined {
  if (maxTokens === undefined || !contextLength) return maxTokens;
  const margin = Math.ceil(promptTokens * MARGIN.share) + MARGIN.tokens;
  return Math.max(1, Math.min(maxTokens, contextLength - promptTokens - margin));
}

/** The longest prompt beside which `answerLimit` leaves an answer whole, in tokens; 0: none. */
export function promptBesideWhole(maxTokens: number, contextLength: number): number {
  return Math.max(0, Math.floor((contextLength - maxTokens - MARGIN.tokens) / (1 + MARGIN.share)) - 1);
}

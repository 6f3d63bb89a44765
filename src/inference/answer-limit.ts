/**
 * The `max_tokens` to send: what was asked for, as far as prompt and answer together stay within the context length.
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
  return Math.max(1, Math.min(maxTokens, contextLength - promptTokens));
}

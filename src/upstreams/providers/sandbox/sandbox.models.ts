/** What the sandbox can play: two models to talk to, the rest to try a client's behaviour when things go wrong. */
export const SANDBOX_UPSTREAM_MODELS = [
  { id: 'chat', description: 'Answers about the conversation that it was given.' },
  { id: 'echo', description: 'Repeats the text of the last user message.' },
  { id: 'reasoner', description: 'Answers like chat, with reasoning_content before the answer.' },
  { id: 'slow', description: 'Answers like chat, with a short pause before every token.' },
  { id: 'error-400', description: 'Refuses every request as a bad request.' },
  { id: 'error-429', description: 'Is always over its rate limit; says to come back in 2 seconds.' },
  { id: 'error-500', description: 'Fails with an internal error.' },
  { id: 'error-503', description: 'Is always overloaded.' },
  { id: 'timeout', description: 'Never answers: the call ends at its deadline.' },
  { id: 'disconnect', description: 'Breaks the connection in the middle of the answer.' },
  { id: 'stall', description: 'Streams a few tokens, then says nothing more until the deadline.' },
  { id: 'empty', description: 'Answers successfully with no content.' },
  { id: 'refusal', description: 'Declines to answer: a refusal, finish_reason content_filter.' },
  { id: 'no-usage', description: 'Answers like chat, but reports no usage.' },
  { id: 'truncated', description: 'Ends its answer without a finish_reason.' },
] as const;

export type SandboxUpstreamModel = (typeof SANDBOX_UPSTREAM_MODELS)[number]['id'];

/** Tokens that one call can take and one choice can give, whatever `max_tokens` says. */
export const SANDBOX_LIMITS = { contextTokens: 131_072, completionTokens: 16_384 } as const;

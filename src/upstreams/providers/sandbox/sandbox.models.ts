/**
 * What the sandbox can play: two models to talk to, the rest to try a client's behaviour when things go wrong. Each is
 * described where it is sold, in `config/sandbox-models.ts`.
 */
export const SANDBOX_UPSTREAM_MODELS = [
  'chat',
  'echo',
  'reasoner',
  'slow',
  'error-400',
  'error-429',
  'error-500',
  'error-503',
  'timeout',
  'disconnect',
  'stall',
  'empty',
  'refusal',
  'no-usage',
  'truncated',
] as const;

export type SandboxUpstreamModel = (typeof SANDBOX_UPSTREAM_MODELS)[number];

/** Tokens that one call can take and one choice can give, whatever `max_tokens` says. */
export const SANDBOX_LIMITS = { contextTokens: 131_072, completionTokens: 16_384 } as const;

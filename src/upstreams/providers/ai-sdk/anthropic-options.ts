import type { CallOptions, ReasoningEffort } from './language-model.js';
import type { VendorAsk } from './vendor.js';

/** What the package knows about a Claude model. */
export interface ClaudeCapabilities {
  readonly supportsAdaptiveThinking: boolean;
  /** Tokens. */
  readonly maxOutputTokens: number;
}

/** Share of the answer's tokens that a model with a thinking budget may think. */
const THINKING_SHARES: Readonly<Record<Exclude<ReasoningEffort, 'none'>, number>> = {
  minimal: 0.02,
  low: 0.1,
  medium: 0.3,
  high: 0.6,
  xhigh: 0.9,
  max: 0.95,
};

/** Smallest thinking budget that the API takes, and what we leave at least for the answer itself. */
const LEAST_TOKENS = 1024;

/**
 * Reasoning effort and parallel tool calls as Anthropic wants them.
 *
 * Newer models decide themselves how long to think and are told the effort. Older ones take a budget, which the package
 * adds to `max_tokens`: we take it off the caller's maximum first, so that what may be generated never exceeds what was
 * asked for (and held). They think not at all where the API would refuse it: when a tool call is forced, and inside a
 * tool loop, because the signed thinking that must come back with the tool result cannot travel over the OpenAI wire.
 * @see https://docs.claude.com/en/docs/build-with-claude/extended-thinking
 */
export function anthropicOptions(ask: VendorAsk, model: ClaudeCapabilities): Partial<CallOptions> {
  const parallel = ask.parallelToolCalls === false ? { disableParallelToolUse: true } : {};
  const { effort } = ask;
  if (effort === undefined || (effort === 'none' && !model.supportsAdaptiveThinking))
    return anthropic(parallel);
  if (model.supportsAdaptiveThinking || effort === 'none')
    return { reasoning: effort, ...anthropic(parallel) };

  const max = Math.min(ask.maxOutputTokens ?? model.maxOutputTokens, model.maxOutputTokens);
  if (ask.toolForced || ask.insideToolLoop || max < 2 * LEAST_TOKENS) return anthropic(parallel);
  const share = Math.round(max * THINKING_SHARES[effort]);
  const budgetTokens = Math.min(Math.max(share, LEAST_TOKENS), max - LEAST_TOKENS);
  return {
    maxOutputTokens: max - budgetTokens,
    ...anthropic({ ...parallel, thinking: { type: 'enabled', budgetTokens } }),
  };
}

type AnthropicOptions = NonNullable<CallOptions['providerOptions']>[string];

function anthropic(options: AnthropicOptions): Partial<CallOptions> {
  return Object.keys(options).length === 0 ? {} : { providerOptions: { anthropic: options } };
}

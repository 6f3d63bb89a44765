import type { CallOptions } from './language-model.js';
import type { VendorAsk } from './vendor.js';

/** Gemini models before 2.5, and Gemma, answer 400 to any thinking setting. */
const CANNOT_THINK = /gemma|gemini-(?:1|2\.0)/i;

/**
 * Reasoning effort as Gemini wants it, with the thoughts asked for: without `includeThoughts` it thinks, bills for it and
 * shows nothing. Thoughts count against `maxOutputTokens`. There is no switch for parallel tool calls.
 * @see https://ai.google.dev/gemini-api/docs/thinking
 */
export function googleOptions({ effort, modelId }: VendorAsk): Partial<CallOptions> {
  if (effort === undefined || CANNOT_THINK.test(modelId)) return {};
  if (effort === 'none') return { reasoning: effort };
  return { reasoning: effort, providerOptions: { google: { thinkingConfig: { includeThoughts: true } } } };
}

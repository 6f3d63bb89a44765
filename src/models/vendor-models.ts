import { listPricedModels } from './price-table.js';
import type { DiscoveredModel } from '../contracts/discovered-model.js';

/**
 * Which ids of the price table are models that the vendor's own API answers to today. The table also holds retired
 * ones, other clouds' spellings, and models for speech, images and embeddings.
 * @see https://docs.claude.com/en/docs/about-claude/models, https://ai.google.dev/gemini-api/docs/models, read 2026-11
 */
const SERVED: Readonly<Record<string, RegExp>> = {
  anthropic: /^claude-(?:opus|sonnet|haiku|fable)-\d/,
  google: /^gemini-(?:2\.5|[3-9])(?!.*-(?:tts|live|image|embedding))/,
};

/** Chat models of a vendor whose upstreams list none over the wire we speak; from the price table, so all are priced. */
export function vendorModels(provider: string, nowMs: number): DiscoveredModel[] {
  const served = SERVED[provider];
  if (served === undefined) return [];
  return listPricedModels(provider, nowMs)
    .filter(({ id }) => served.test(id))
    .map(({ id, price }) => ({ id, ownedBy: provider, contextLength: price.contextLength }));
}

import { DEFAULT_MAX_TOKENS } from './apply-settings.js';
import type { ChatbotSettings } from './chatbot.js';

/** What a list of models shows of a version; kept beside its settings, which may be a hundred thousand times as long. */
export interface ChatbotListing {
  readonly name: string;
  readonly description: string;
  readonly model: string;
  /** Of an answer; absent: as many as the model has. */
  readonly maxTokens?: number | undefined;
}

export function toListing({
  name,
  description,
  model,
  sampling,
  overrides,
}: ChatbotSettings): ChatbotListing {
  // Without a limit of its own, callers may ask for all that the model has.
  const fallback = overrides.includes('max_tokens') ? undefined : DEFAULT_MAX_TOKENS;
  return { name, description, model, maxTokens: sampling.max_tokens ?? fallback };
}

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
  const own = sampling.max_tokens ?? DEFAULT_MAX_TOKENS;
  // Callers may ask for all that the model has.
  const maxTokens = overrides.includes('max_tokens') ? undefined : own;
  return { name, description, model, maxTokens };
}

/**
 * What a chatbot is reminded of at each turn. Whatever the policy, what is sent stays within the model's context
 * length, and an exchange (a question, its calls of tools and the answer) is kept or dropped as a whole.
 */
export type MemoryPolicy =
  /** Nothing: every request stands alone and is not stored. */
  | { readonly kind: 'none' }
  /** The last so many exchanges. */
  | { readonly kind: 'turns'; readonly turns: number }
  /** As much as fits, the oldest exchanges dropped first. `maxTokens` narrows the model's own window. */
  | { readonly kind: 'window'; readonly maxTokens?: number | undefined }
  /** As much as fits; what does not is folded into a running summary that a model writes (`model`: another than the bot's). */
  | {
      readonly kind: 'summary';
      readonly maxTokens?: number | undefined;
      readonly model?: string | undefined;
    };

export const DEFAULT_MEMORY: MemoryPolicy = { kind: 'window' };

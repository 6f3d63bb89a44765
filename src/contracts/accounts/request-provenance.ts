/**
 * What a chatbot or a conversation made of a request, for its story: stored with the request as JSON and shown as it
 * is. Ids and counts only, nobody's words.
 */
export interface RequestProvenance {
  readonly chatbot?: { readonly id: string; readonly version: number };
  readonly conversation?: ConversationContext;
  /** The request that this one was made for: a summary of its conversation. */
  readonly summary_for?: string;
}

export interface ConversationContext {
  /** `conv_…` */
  readonly id: string;
  readonly memory: 'none' | 'turns' | 'window' | 'summary';
  /** Messages that the conversation had before this request. */
  readonly messages_stored: number;
  /** Of those, sent word for word. */
  readonly messages_sent: number;
  /** Of those, sent as part of the summary. */
  readonly messages_summarised: number;
  /** Of those, not sent. */
  readonly messages_dropped: number;
  /** Messages of the request that were recognised as stored already. */
  readonly messages_recognised: number;
  /** Tokens that were sent, system prompt and tools included: counted, or their upper bound where all fits by it. */
  readonly prompt_tokens_at_most: number;
  /** Tokens that were allowed with what is remembered; `null`: the model names no context length and the policy none either. */
  readonly prompt_tokens_allowed: number | null;
  /** The request that was made for this one, to fold what does not fit into the summary, whether it succeeded or not. */
  readonly summary_request?: string;
}

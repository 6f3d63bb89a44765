/** What stands around every answer of one request: the same in the body or in every chunk. */
export interface Envelope {
  /** `chatcmpl-…` or `cmpl-…`. */
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  /** The id that the client asked for, exactly. */
  readonly model: string;
  /** Where the dialect has conversations. */
  readonly conversationId?: string | undefined;
}

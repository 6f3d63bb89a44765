/** Deadlines of one attempt at an upstream, in milliseconds. Each ends it as `upstream_timeout`. */
export interface UpstreamTimeouts {
  /** TCP and TLS set-up. */
  readonly connectMs: number;
  /** From the request until the first event of a stream. */
  readonly firstTokenMs: number;
  /** Longest silence between two reads of a stream. */
  readonly betweenChunksMs: number;
  /** The whole attempt; of a stream, until its first event (after that only silence ends it). */
  readonly totalMs: number;
}

/** Deadlines of one attempt at an upstream, in milliseconds. Each ends it as `upstream_timeout`. */
export interface UpstreamTimeouts {
  /** TCP and TLS set-up. */
  readonly connectMs: number;
  /** From the request until the first event of a stream; comments and pings are none. */
  readonly firstTokenMs: number;
  /** Longest silence of a stream that has begun: no byte, while we read. */
  readonly betweenChunksMs: number;
  /** A whole answer, from the request to its last byte. A stream must begin by then; after that only silence ends it. */
  readonly totalMs: number;
}

import type { UpstreamTimeouts } from '../contracts/upstream-timeouts.js';
import type { Environment } from './env.schema.js';

/**
 * The deadlines of an upstream: its own where it has written some, else those of the environment. The first token may
 * take the upstream's own total where nobody says otherwise.
 */
export function upstreamTimeouts(
  environment: Environment,
  written: { readonly [Name in keyof UpstreamTimeouts]?: number | undefined } = {},
): UpstreamTimeouts {
  const totalMs = written.totalMs ?? environment.UPSTREAM_TIMEOUT_MS;
  return {
    connectMs: written.connectMs ?? environment.UPSTREAM_CONNECT_TIMEOUT_MS,
    firstTokenMs: written.firstTokenMs ?? environment.UPSTREAM_FIRST_TOKEN_TIMEOUT_MS ?? totalMs,
    betweenChunksMs: written.betweenChunksMs ?? environment.UPSTREAM_IDLE_TIMEOUT_MS,
    totalMs,
  };
}

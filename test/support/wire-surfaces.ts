/** The three dialects as their clients see them, for tests that go round all of them. */
import { MODEL } from './tollgate.js';

export interface WireSurface {
  readonly name: 'W' | 'Q' | 'L';
  /** What a client takes for its base URL, as a path. */
  readonly base: string;
  readonly chat: string;
  readonly completions: string;
  readonly models: string;
  /** Status of a request that breaks a rule. */
  readonly invalid: 400 | 422;
  /** What any failure of the upstream looks like. */
  readonly upstreamFailed: { status: number; code: string };
  readonly upstreamTimedOut: { status: number; code: string };
}

function surface(
  name: WireSurface['name'],
  base: string,
  rest: Pick<WireSurface, 'invalid' | 'upstreamFailed' | 'upstreamTimedOut'>,
): WireSurface {
  return {
    name,
    base,
    chat: `${base}/chat/completions`,
    completions: `${base}/completions`,
    models: `${base}/models`,
    ...rest,
  };
}

const GATEWAY_STATUSES = {
  upstreamFailed: { status: 502, code: 'upstream_error' },
  upstreamTimedOut: { status: 504, code: 'timeout' },
} as const;

export const W = surface('W', '/v1', {
  invalid: 400,
  upstreamFailed: { status: 499, code: 'inference_error' },
  upstreamTimedOut: { status: 499, code: 'inference_error' },
});
export const Q = surface('Q', '/api/v1', { invalid: 400, ...GATEWAY_STATUSES });
export const L = surface('L', '/api/public/v1/openai', { invalid: 422, ...GATEWAY_STATUSES });

export const SURFACES: readonly WireSurface[] = [W, Q, L];

/** A chat request that every surface accepts; `undefined` takes a field out. */
export function chatBody(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { model: MODEL, messages: [{ role: 'user', content: 'hi' }], ...over };
}

/** A legacy completion that every surface accepts. */
export function completionBody(over: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { model: MODEL, prompt: 'Once upon a time', ...over };
}

import type { ServerResponse } from 'node:http';
import { goDuration } from '../common/limits/go-duration.js';
import type { RateDecision } from '../common/limits/gcra.js';

/** Says a limit, what is left of it and when all of it is back, in the headers of OpenAI's clients. */
export function putRateHeaders(
  response: ServerResponse,
  unit: 'requests' | 'tokens',
  limit: number,
  state: RateDecision,
): void {
  response.setHeader(`x-ratelimit-limit-${unit}`, limit);
  response.setHeader(`x-ratelimit-remaining-${unit}`, state.remaining);
  response.setHeader(`x-ratelimit-reset-${unit}`, goDuration(state.resetMs));
}

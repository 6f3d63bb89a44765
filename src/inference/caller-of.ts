import type { TollgateRequest } from '../http/tollgate-request.js';
import type { RateDecision } from '../common/limits/gcra.js';
import { putRateHeaders } from '../throttling/rate-headers.js';
import type { Caller } from './caller.js';

/**
 * Who asks, from what the door and the guards found out.
 * @throws Error on a route that the auth guard did not protect: a bug of ours
 */
export function callerOf(request: TollgateRequest): Caller {
  const { principal, requestId, clientRequestId, surface, arrivedAtMs } = request;
  if (principal === undefined) throw new Error('an inference route was reached without a principal');
  const { res: response } = request;
  const tellTokens = (state: RateDecision): void => {
    if (response && !response.headersSent) {
      putRateHeaders(response, 'tokens', principal.tokensPerMinute, state);
    }
  };
  return { principal, requestId, clientRequestId, surface: surface.name, arrivedAtMs, tellTokens };
}

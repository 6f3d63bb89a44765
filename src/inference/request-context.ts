import type { Charge } from '../billing/settlement.service.js';
import type { RateDecision } from '../common/limits/gcra.js';
import type { Principal } from '../common/principal.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import type { Surface } from '../surfaces/surface.js';
import { putRateHeaders } from '../throttling/rate-headers.js';

/** Who asks, by which request and in which dialect: everything the pipeline needs to know of HTTP. Made once a request. */
export interface RequestContext {
  readonly principal: Principal;
  /** Ours, unique: what the request is charged under. */
  readonly requestId: string;
  /** The caller's own id for it, not unique. */
  readonly clientRequestId: string | undefined;
  readonly surface: Surface;
  /** Monotonic milliseconds at arrival. */
  readonly arrivedAtMs: number;
  /** Takes the state of the key's tokens a minute, this request's counted, for headers that are not sent yet. */
  readonly tellTokens?: ((state: RateDecision) => void) | undefined;
  /** Takes what the answer came to, for the log. */
  readonly tellCharge?: ((charge: Charge, upstream: string) => void) | undefined;
}

/**
 * From what the front door and the guards found out.
 * @throws Error on a route that the auth guard did not protect: a bug of ours
 */
export function requestContextOf(request: TollgateRequest): RequestContext {
  const { principal, requestId, clientRequestId, surface, arrivedAtMs } = request;
  if (principal === undefined) throw new Error('an inference route was reached without a principal');
  const { res: response } = request;
  const tellTokens = (state: RateDecision): void => {
    if (response && !response.headersSent) {
      putRateHeaders(response, 'tokens', principal.tokensPerMinute, state);
    }
  };
  const tellCharge = ({ usage, bill }: Charge, upstream: string): void => {
    request.charged = { usage, bill, upstream };
  };
  return { principal, requestId, clientRequestId, surface, arrivedAtMs, tellTokens, tellCharge };
}

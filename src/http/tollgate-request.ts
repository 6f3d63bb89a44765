import type { Request } from 'express';
import type { Principal } from '../common/principal.js';
import type { Surface } from '../surfaces/surface.js';

/** What the front door and the guards know of a request; handlers and the filter read it. */
export interface TollgateRequest extends Request {
  /** `req_…`, always our own: it is what the request is charged under, so a caller cannot choose it. */
  requestId: string;
  /** The caller's `X-Request-Id` where it is well formed: shown back in the header, kept beside ours. */
  clientRequestId: string | undefined;
  /** Monotonic milliseconds at arrival. */
  arrivedAtMs: number;
  /** The dialect: by path at the door, by the controller's decorator once a route is found. */
  surface: Surface;
  /** Set by the auth guard; absent on public routes. */
  principal?: Principal;
  /** Stable code of the failure that was answered, for the log. */
  failureCode?: string;
}

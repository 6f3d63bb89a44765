import type { Request } from 'express';
import type { Bill } from '../common/money/bill.js';
import type { Principal } from '../common/principal.js';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { Surface } from '../surfaces/surface.js';

/** A settled answer. */
export interface ChargedAnswer {
  readonly usage: Usage;
  readonly bill: Bill;
  /** That answered. */
  readonly upstream: string;
}

/** What the front door and the guards know of a request; handlers and the filter read it. */
export interface TollgateRequest extends Request {
  /** `req_…`, always our own: it is what the request is charged under, so a caller cannot choose it. */
  requestId: string;
  /** The caller's `X-Request-Id` where it is well formed: shown back in the header, kept beside ours. */
  clientRequestId: string | undefined;
  /** Whether the request line names a path, as of every client but those of proxies, which send whole URLs. */
  targetIsPath: boolean;
  /** Monotonic milliseconds at arrival. */
  arrivedAtMs: number;
  /** The dialect: by path at the door, by the controller's decorator once a route is found. */
  surface: Surface;
  /** Set by the auth guard; absent on public routes. */
  principal?: Principal;
  /** What its answer came to, for the log; absent where nothing was settled while the client was there. */
  charged?: ChargedAnswer;
  /** Stable code of the failure that was answered, for the log. */
  failureCode?: string;
}

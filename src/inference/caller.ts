import type { RateDecision } from '../common/limits/gcra.js';
import type { Principal } from '../common/principal.js';
import type { SurfaceName } from '../surfaces/surface.js';

/** Who asks, and by which request: everything the pipeline needs to know of HTTP. */
export interface Caller {
  readonly principal: Principal;
  /** Ours, unique: what the request is charged under. */
  readonly requestId: string;
  /** The caller's own id for it, not unique. */
  readonly clientRequestId: string | undefined;
  readonly surface: SurfaceName;
  /** Monotonic milliseconds at arrival. */
  readonly arrivedAtMs: number;
  /** Takes the state of the key's tokens a minute, this request's counted, for headers that are not sent yet. */
  readonly tellTokens?: ((state: RateDecision) => void) | undefined;
}

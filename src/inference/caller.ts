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
}
